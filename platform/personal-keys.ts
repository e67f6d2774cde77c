/** Attributes that say who somebody is rather than what they are like stay outside, whatever they hold. */
const personal =
  /(?:^|[_\s.-])(?:e-?mail|mail_?address|phone|mobile|telephone|fax|first_?name|last_?name|middle_?name|full_?name|given_?name|family_?name|sur_?name|nick_?name|street|postal_?address|birth_?(?:day|date)|date_?of_?birth|dob|ssn|passport|iban|ip_?address)(?:_?\d)?$|^(?:name|user_?name|login|address|tel|ip)$/i;
const humps = /([a-z0-9])([A-Z])/g;

const mostKnown = 10_000;
const longestKnown = 64;

/** Keys come again with every record. Few and short ones are remembered, lest a sender makes them up without end. */
export function remembered<Found>(of: (key: string) => Found): (key: string) => Found {
  const known = new Map<string, Found>();
  return (key) => {
    if (known.has(key)) return known.get(key)!;
    const found = of(key);
    if (known.size < mostKnown && key.length <= longestKnown) known.set(key, found);
    return found;
  };
}

export const isPersonalKey = remembered((key) => personal.test(key.trim().replace(humps, "$1_$2")));

/**
 * What names of attributes say that a person would not want everybody to know: GDPR Article 9, offences (Article 10), who and where somebody is, what an account is opened with.
 * Stems of words in the languages that exports come in. For names that a person declares: better one too many, which then takes a declaration.
 */
const sensitiveWords: Readonly<Record<string, RegExp>> = {
  health:
    /health|illness|disease|diagnos|medic(?:al|ation|ine)|disab(?:led|ility)|handicap|pregnan|allerg|blood_?(?:type|group)|hiv|therap|patient|symptom|treatment_?plan|mental|addiction|gesundheit|krank|schwanger|behinder|blutgruppe|sant[eé]$|maladie|enfermedad|salud/,
  belief:
    /relig|faith|church|konfession|confession|denomination|kirche|philosoph|politic|party_?member|partei|trade_?union|union_?member|gewerkschaft|syndicat/,
  origin: /(?:^|_)race(?:_|$)|racial|ethnic|ethnie|herkunft|nationality|caste|skin_?colou?r|citizenship/,
  "sex life": /sexual|sex_?life|orientation$|lgbt/,
  "biometric or genetic data": /biometric|fingerprint|face_?id|genetic|(?:^|_)dna(?:_|$)|genom/,
  offences: /criminal|conviction|offen[cs]e|arrest|vorstrafe/,
  "birth date": /birth|geburt|naissance|nacimiento|nascita|(?:^|_)(?:dob|born|born_on)(?:_|$)/,
  name: /(?:first|last|middle|full|given|family|sur|nick|maiden|real|contact|customer|person)_?name|^name$|vorname|nachname|pr[eé]nom|(?:^|_)nom$|nombre|apellido|cognome|(?:^|_)initials$/,
  address:
    /street|stra(?:ss|ß)e|(?:^|_)(?:address|adresse|direccion|indirizzo|calle|rue|house_?(?:no|number)|hausnummer|apartment|flat_?no|po_?box)|(?:^|_)addr(?:_|$|\d)|post_?(?:al_?)?code|postcode|postleitzahl|(?:^|_)(?:plz|zip|cep)(?:_|$)|zip_?code|(?:^|_)(?:city|town|village|district|neighbou?rhood|suburb|stadt|ville|ciudad|citt[aà])(?:_|$)/,
  "place by coordinates":
    /(?:^|_)(?:lat|lon|lng|geo|gps|geohash|coords?)(?:_|$)|latitude|longitude|coordinat|geo_?(?:point|loc|location)|(?:^|_)location(?:_|$)|what3words/,
  telephone:
    /phone|(?:^|_)(?:tel|telefon|mobile|mobil|handy|cell|fax|whatsapp|msisdn|telefono)(?:_|$)|mobile_?(?:no|number)/,
  "e-mail address": /e_?mail_?(?:address|addr|hash|id)|^e_?mail\d?$|_e_?mail$/,
  "number of an account or a document":
    /(?:^|_)(?:ssn|sin|nin|nif|dni|cpf|curp|iban|bic|pan|cvv|tax_?id|vat_?id|steuer_?(?:id|nummer))(?:_|$)|passport|social_?security|national_?id|id_?(?:card|number|document)|driv(?:er|ing)_?licen[cs]e|(?:credit|debit)_?card|card_?(?:no|number)|account_?(?:no|number)|bank|insurance_?(?:no|number)/,
  "password or token": /passw|secret|token|(?:^|_)pin(?:_|$)|api_?key/,
  "address in the network": /(?:^|_)ip(?:_|$|v\d)|ip_?address|mac_?address|imei|idfa|gaid|advertising_?id|device_?id/,
};

/** What an attribute of this name would tell that is sensitive; undefined where the name tells of nothing of the kind. */
export function sensitiveKind(key: string): string | undefined {
  const words = key
    .trim()
    .replace(humps, "$1_$2")
    .toLowerCase()
    .replace(/[\s.-]+/g, "_");
  const found = Object.entries(sensitiveWords).find(([, stems]) => stems.test(words));
  return found?.[0] ?? (isPersonalKey(key) ? "name" : undefined);
}
