for (const name of ["mailings", "visits", "readers", "titles"]) declare({ schema: "shop", name });
