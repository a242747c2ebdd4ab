Deno.test("x", () => { console.log(Deno.realPathSync("P:\\"), Deno.cwd(), Deno.execPath()); });
