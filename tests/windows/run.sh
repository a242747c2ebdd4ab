#!/usr/bin/env bash
# What `deno task test:windows` starts: runs the tests in tests/windows, and
# those in tests that make sense there, in Deno for Windows under wine, in a
# Debian of its own that is made from packages and kept outside of the project.
#
#   run.sh         all of them
#   run.sh FILE…   these
#   run.sh --make  only makes the machine, so that all is quick later
#
# DENO is the deno to use.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
project=$(readlink -f "$here/../..")

# Tests of what is pure, and of reading and keeping, as they are. Left out are
# those that make links, modes or pipes, which Windows has not, or wine has
# not; and those that start the command from its sources again and again,
# which takes wine seconds each time.
portable="cli_args conflict config_loader engine_walls errors files_keep_windows files_list_windows files_read
  hostile_messages hostile_paths mail_texts metadata names paths plan_changes plan_folders
  plan_guard plan_merge plan_order plan_renames plan_rules report_html report_json
  sandbox_permissions state_record system text wire_ignore wire_listing"

# As test runners tell that a test was not run, which is no success.
not_run() {
  echo "Not run: no Windows here, $*" >&2
  exit 77
}

[ "$(uname -sm)" = "Linux x86_64" ] || not_run "it takes Linux on x86_64"
[ "$(id -u)" -eq 0 ] || not_run "it takes the rights of root"

# The release that has wine 10. The last number is to be raised with every
# change of what is made here.
release=trixie
version=$("$DENO" --version | sed -n 's/^deno \([^ ]*\).*/\1/p')
kept=${OFFICE_SYNC_WINE:-/var/cache/office-sync-wine}
root=$kept/$release-deno-$version-1

temporary=$(mktemp -d)
making=$root.$$
trap 'rm -rf "$temporary" "$making"' EXIT

# Calls enter.sh; all that it mounts or starts ends with it.
enter() {
  unshare --mount --pid --fork --kill-child sh "$here/enter.sh" "$@" </dev/null
}

make_machine() (
  set -e
  mkdir -p "$kept"
  # Unpacked and no more: installing takes longer than all the rest. libc-bin
  # has the locale for UTF-8.
  mmdebstrap --variant=extract --include=wine64,libc-bin \
    --aptopt='Acquire::Languages "none"' "$release" "$making"
  cd "$making"
  # What installing would have done, as far as wine needs it.
  ln -s usr/lib usr/lib64 .
  mkdir -p proc sys dev tmp home p share opt
  echo 'office:x:1000:1000::/home:/bin/sh' >etc/passwd
  # Links to its own libraries: wine would make copies, 700 MB of them.
  wine=usr/lib/x86_64-linux-gnu/wine
  system32=opt/prefix/drive_c/windows/system32
  mkdir -p "$system32"
  for library in "$wine"/x86_64-windows/*; do
    ln -s "/$library" "$system32"
  done
  cp usr/x86_64-w64-mingw32ucrt/lib/zlib1.dll "$system32"
  # There is no 32-bit program to run.
  rm -r "$wine/i386-windows"
  sed -Ei '/^; registration order matters/,/^66000,/d
    /^11,,(\*|shell32\.dll,1|quartz\.dll,1)\r?$/d' usr/share/wine/wine.inf
  # Deno for Windows, from the registry all packages come from.
  npm pack --silent --pack-destination="$temporary" "@deno/win32-x64@$version"
  tar xzf "$temporary"/*.tgz -C "$temporary"
  install -m 755 "$temporary/package/deno.exe" opt/deno.exe
  rm -r "$temporary"/*
  enter "$making" make wineboot -i
  # Under another name until it is whole.
  mv "$making" "$root"
)

if [ ! -e "$root" ]; then
  echo "Making a machine with wine: $root" >&2
  set +e
  make_machine >"$temporary.log" 2>&1
  status=$?
  set -e
  why=$(tail -n 3 "$temporary.log")
  rm "$temporary.log"
  [ "$status" -eq 0 ] || not_run "$why"
fi
[ "${1-}" != --make ] || exit 0

# The project, a cache, and a portable folder as somebody makes it on Linux for
# a PC with Windows.
cd "$project"
mkdir "$temporary/office-sync"
cp -r ./[!.]* "$temporary/office-sync"
DENO_DIR=$temporary/cache "$DENO" install --quiet --frozen
printf "left_root: 'C:\\\\pdrive_local'\nright_root: 'P:\\\\'\n" \
  >"$temporary/config.yaml"
"$DENO" task --quiet package --config "$temporary/config.yaml" \
  --output "$temporary/Program Files/Office Sync" --deno "$root/opt/deno.exe"

if [ $# -eq 0 ]; then
  set -- tests/windows/
  for name in $portable; do set -- "$@" "tests/${name}_test.ts"; done
fi
# Never on a terminal: wine would draw on it.
enter "$root" "$temporary" cmd /c cd /d 'C:\office-sync' '&&' \
  'Z:\opt\deno.exe' test --no-prompt --frozen --cached-only --allow-all \
  --no-check --parallel "$@" 2>&1 | cat
