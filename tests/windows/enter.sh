#!/bin/sh
# Runs a command inside the machine: enter.sh ROOT WHAT COMMAND [ARGUMENTS].
# WHAT is "make", or a folder whose content is copied to C:. To be called in a
# mount namespace and a process namespace of its own: all that is mounted or
# started here ends with it, and nothing that is done to its disks stays.
set -eu
root=$1
what=$2
shift 2
user=1000

disk() { mount -t tmpfs -o "size=2g,mode=755,uid=$user,gid=$user" tmpfs "$root/$1"; }

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
disk tmp
prefix=/opt/prefix

if [ "$what" = make ]; then
  chown -R "$user:$user" "$root$prefix"
fi
if [ "$what" != make ]; then
  # C:, P: and \\server\share are three disks.
  disk home
  disk p
  disk share
  cp -a "$root$prefix" "$root/home/prefix"
  prefix=/home/prefix
  devices=$root$prefix/dosdevices
  ln -s /p "$devices/p:"
  mkdir -p "$devices/unc/server"
  ln -s /share "$devices/unc/server/share"
  cp -r "$what/." "$root$prefix/drive_c"
  chown -R "$user:$user" "$root/home"
fi

# Through the user's own PATH, as that of the machine has no such program.
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
inside() {
  env -i HOME=/home PATH=/usr/lib/wine LANG=C.UTF-8 WINEPREFIX="$prefix" \
    WINESERVER=/usr/lib/wine/wineserver64 WINEDEBUG=-all \
    WINEDLLOVERRIDES=mscoree,mshtml= NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 \
    'DENO_DIR=C:\cache' \
    "$chroot" --userspec="$user:$user" "$root" "$@"
}

status=0
inside /usr/lib/wine/wine64 "$@" || status=$?
# Ends what it left running, and waits until the registry is on the disk.
inside /usr/lib/wine/wineserver64 -k || true
inside /usr/lib/wine/wineserver64 -w || true
exit "$status"
