// What money counts, once. Amounts of different currencies are never added: `vars.currency` names the one in which revenue is counted.

/** The currency in which revenue is counted; null where `vars.currency` names none and there may be only one. */
const reported = (vars) => {
  const code = vars.currency;
  if (code === undefined || code === "") return null;
  if (!/^[A-Z]{3}$/.test(code))
    throw new Error(`includes/money.js: vars.currency "${code}" is no code of ISO 4217, like EUR`);
  return code;
};

/**
 * An amount, where it is in the currency that is counted (one without a currency is).
 *
 *   amount("_revenue", "_currency", { currency: "EUR" })
 *   =>  if(coalesce(upper(_currency), 'EUR') = 'EUR', safe_cast(_revenue as numeric), null)
 */
const amount = (value, currency, vars) => {
  const code = reported(vars);
  const cast = `safe_cast(${value} as numeric)`;
  return code === null ? cast : `if(coalesce(upper(${currency}), '${code}') = '${code}', ${cast}, null)`;
};

module.exports = { reported, amount };
