import type { BounceClass } from "./smtp-reply.ts";

/**
 * Why a mail came back, in the vocabulary that bounce tools share (Sisimai's words). `hard` reasons say that the address is of
 * no use; the others say that this mail, from us, now, was not taken.
 */
export type BounceReason = string;

export interface ReasonRule {
  readonly reason: string;
  readonly bounceClass: BounceClass;
  /** What servers say. */
  readonly said?: RegExp;
  /** RFC 3463 codes (and the registry of RFC 5248) that mean just this. */
  readonly enhanced?: RegExp;
}

/**
 * In order of precedence: the specific before the general. Wordings are those of the common mail systems' documentation and
 * source: Postfix, Sendmail, Exim, qmail, Exchange, Gmail, Outlook.com, Yahoo, iCloud and the security gateways in front of them.
 */
const table = [
  {
    // Said of the sender's HELO or of its network, before any recipient was named.
    reason: "blocked",
    bounceClass: "block",
    said: /50[0-4] .{0,12}invalid domain name|messages from \S+ (?:weren.t|were not) sent|\bIP=[\d.]+ - (?:a problem|none)|\bip is (?:rejected|blocked|banned|hangup)|^[45]\d\d[ -](?:[45]\.\d+\.\d+ )?blocked\b|:blocked\)?$|sender address blocked|blocked senders?\b|suspected (?:bounce|spam)|(?:does|do) not accept (?:any )?(?:e-?)?mail from|not accepting connections|refused to talk to me/i,
  },
  {
    reason: "rejected",
    bounceClass: "block",
    said: /addresses rejected ?: access denied|not a registered gateway user|purported responsible address|from an address that has been blacklisted|unroutable sender|fake sender|domain name required for sender|provide a valid from|from a different address or alias|groups\.google\.com\/support|sender verify failed|bounce ?deny|batv|(null|empty) (envelope )?senders? (is |are )?not/i,
  },
  {
    reason: "hostunknown",
    bounceClass: "hard",
    said: /account or domain may not exist|domain is not reachable|(illegal|invalid) host\/domain|(^|[^\d.])553 [\w.-]+\.[a-z]{2,} does not exist/i,
  },
  {
    reason: "networkerror",
    bounceClass: "soft",
    enhanced: /^[45]\.4\.312$/,
    said: /malformed (or unexpected )?name server reply|unable to get mx info|\bconnect to .{1,80}: connection refused|\bdial tcp\b|socket error code \d|host not found, try again|host name lookup fail|no route to host|unroute?able mail domain|dns lookup fail[^;]{0,80}try again|(wasn't|was not|weren't) able to establish an smtp connection|mail loop|hop count exceeded|routing loop/i,
  },
  {
    reason: "speeding",
    bounceClass: "soft",
    said: /receiving mail at a rate|try again slower|sending (e-?mails? )?too fast|(?:user|recipient) (?:is|has been) receiving (?:mail|messages)[^.]{0,20} too (?:fast|quickly)|recipient has exceeded (?:their|its) message rate|mailbox unavailable or access denin?ed/i,
  },
  {
    // RFC 5321 section 4.2.3 words it so for 451, and 501 for a command's argument.
    reason: "systemerror",
    bounceClass: "soft",
    said: /requested (?:mail )?action aborted: (?:local )?error in processing/i,
  },
  { reason: "syntaxerror", bounceClass: "soft", said: /bad address syntax/i },
  {
    reason: "toomanyconn",
    bounceClass: "block",
    enhanced: /^(?:[45]\.1\.90|5\.4\.5)$/,
    said: /\[TSS\d+\]|\b(?:permanently|temporarily) deferred\b|excessive volume|too many open connections|max(?:imum)? messages? per connection|(?:relay|sending|recipient) limit (?:is |was |has been )?(?:exceeded|reached)|daily limit for message recipients|unusual sending activity|smtp auth error limit/i,
  },
  {
    reason: "notcompliantrfc",
    bounceClass: "block",
    said: /not rfc[ -]?(?:2822|5321|5322) compliant|rfcmessagenoncompliant|multiple (?:\d{3}[ -][\d.]+ )?addresses in from|missing a valid (?:address in|message-id)|duplicate (?:header|subject|from|message-id)/i,
  },
  { reason: "filtered", bounceClass: "block", said: /recipient preferences|domain-?filter/i },
  {
    reason: "mailererror",
    bounceClass: "soft",
    said: /procmail:|command (died|failed|output)|x-unix;|pipe to \||exit status|local delivery failed|maildrop/i,
  },
  {
    reason: "userunknown",
    bounceClass: "hard",
    said: /recipient address rejected: access denied|recipient ?not ?found|recipient not ok|bad-?rc?e?ci?p(?:ient)?t?to|validrcptto|domain or user isn.t in my list|no ?one at this address|nobody (?:here )?by that name|not present in (?:the )?directory|(?:address|mailbox) not present|(?:can.?t|cannot|could not) accept user|mailbox unava|missing home directory|unknown local[- ]part|unknown e-?mail address|non[- ]?existent (?:user|mailbox)|rejected (?:the )?recipients?\b|recipients? (?:was|were) undeliverable|envelope recipient (?:has been|is|was) (?:denied|rejected|in my bad)|recipient is not accepted|spectator does not exist|nessun utente|no existe (?:dich[oa]|es[ea]|el|la|este|esta) |utilisateur inconnu|destinataire (?:inconnu|invalide)|benutzer (?:unbekannt|existiert nicht)|empf[äa]nger (?:unbekannt|existiert nicht)|not listed in (the )?(domino|public name)/i,
  },
  {
    reason: "policyviolation",
    bounceClass: "block",
    said: /content presents a potential|administrative prohibition|message not allowed|spoofed message|rejected by (?:the )?destination domain|host network not allowed|illegal attachment|attachments? (is|are) not allowed/i,
  },
  {
    reason: "virusdetected",
    bounceClass: "block",
    said: /virus (detected|found|infected)|infected (with|by)|contains? (?:an? |the )?(?:virus|malware)|malware (detected|found)|message was (rejected|blocked).{0,30}virus|eicar/i,
  },
  {
    reason: "authfailure",
    bounceClass: "block",
    enhanced: /^5\.7\.(2[0-46]|30|509)$/,
    said: /\b(spf|dkim|dmarc)\b.{0,60}(fail|not pass|reject|quarantine|required|policy|invalid|missing|alignment)|(fail|did not pass|reject|violat)\w*.{0,60}\b(spf|dkim|dmarc)\b|unauthenticated (e-?mail|message)|email (is )?not authenticated|sender policy framework|does not pass authentication|not aligned|authentication (checks?|requirements?|information|is required)/i,
  },
  {
    reason: "requireptr",
    bounceClass: "block",
    enhanced: /^5\.7\.25$/,
    said: /\brdns\b|\bptr\b.{0,40}(record|lookup|required|missing)|reverse (dns|hostname|mapping|lookup)|(cannot|can't|could not|unable to|does not|no) (find|resolve|have).{0,40}(your hostname|rdns|ptr|reverse)|no rdns|unverify?able sending ip|client host rejected: cannot find your|fix reverse dns|dns (ptr|reverse)|without reverse|ip (address )?(name|has no name)|forward.confirmed/i,
  },
  {
    reason: "suspend",
    bounceClass: "soft",
    enhanced: /^5\.(2\.1|7\.13)$/,
    said: /(account|mailbox|user|recipient|address|domain|mail ?box)[^.]{0,45}(suspend|disabled|inactive|in-active|deactivated|de-activated|\blocked|frozen|dormant|discontinued|not active|expired|blocked for inactivity|been closed|terminated|over ?quota and inactive)|(inactive|disabled|suspended|deactivated|dormant|expired|\blocked|frozen|archived) (account|user|mailbox|recipient|address|e-?mail)|not been activated|temporarily (disabled|inactive)|vacation is over|mailbox currently suspended|unpaid|email account that you tried to reach is (disabled|inactive)/i,
  },
  {
    reason: "mailboxfull",
    bounceClass: "soft",
    enhanced: /^[45]\.2\.2$/,
    said: /(mail ?box|mail ?folder|inbox|account|quota|maildir|user.{0,3}s? (mail )?(disk|space)|storage|box)[^.]{0,50}(is |was |has )?(now )?(full|exceed|over(drawn|flow)?\b|exhausted|too (large|big)|reached its limit|no (space|room))|(over|out of|exceed\w*|beyond)[^.]{0,35}(quota|storage|disk|space|mail ?box|local limit)|quota[^.]{0,20}(exceed|violation|full|reached|limit)|(not enough|insufficient|no) (free |disk |mailbox |mail )*(space|storage|room)|mailbox_?full|maximum (allowed )?(mailbox|storage) |delivery failed: over quota|too much mail(?! from)|recipient (storage|overquota)|user is over|(messages?|number of messages) in recipient.s mailbox|zu ?viele mails auf|too many messages on the server|メールボックス.{0,12}(一杯|いっぱい|容量)|容量(を超|オーバー)|переполнен|mailbox for .{1,60} is full|is full\b|full mail ?box/i,
  },
  {
    reason: "expired",
    bounceClass: "soft",
    enhanced: /^5\.4\.3(?:0\d|1[3-9])$/,
    said: /did not accept our requests to connect|will be retried for|envelope expired|giving up\.?(?: |$)(?!on )|(?:connection|operation|session|conversation) (?:with .{1,80} )?timed out|failing for a long time|all hosts.{0,40}for a long time|host not reachable|could not find a gateway for|message (?:has )?expired|maximum (?:queue|retry) time|retry time ?(?:out|limit)/i,
  },
  {
    reason: "hasmoved",
    bounceClass: "hard",
    enhanced: /^5\.1\.6$/,
    said: /(address|mailbox|user|account|recipient)[^.]{0,30}(has (been )?(moved|changed|replaced)|no longer (in use|valid|available|accepts)|obsolete)|user (has )?(moved|changed)|new address (is|was)|has been replaced by|please (use|try) .{1,60} instead/i,
  },
  {
    reason: "notaccept",
    bounceClass: "hard",
    enhanced: /^5\.(1\.10|3\.2)$/,
    said: /\bno (?:smtp|mail|e-?mail) service\b|(does|do|did) not accept[^.]{0,20}(any )?(e-?)?mail(?! from)|null ?mx|domain[^.]{0,30}not accept|server does not accept mail|smtp protocol (diverted|is not)|host does not accept|not accepting mail for|no mx (record )?(was )?found|no mx for|(couldn.t|could not|can.t|cannot) find a mail exchanger|mail receiving disabled|no (such )?mail exchanger/i,
  },
  {
    reason: "hostunknown",
    bounceClass: "hard",
    enhanced: /^5\.(1\.2|4\.4|4\.310)$/,
    said: /(host|domain|server|mx)( or domain)?( name| part)?[^.;]{0,35}(unknown|not found|(does(n.t| not)|must) (exist|resolve)|lookup (failed|failure)|no(t)? resolv|is not known|invalid|nonexist)|(no such|unknown|invalid|nonexistent|non-existent|bad destination|unrouteable|unroutable|unresolvable) (mail )?(host|domain|system)|can.?t find (a|any) (host|mail ?server)|couldn.t find any host|name service error|nxdomain|no (mx|a|valid mx|route|mail servers?)( or a)? (records?|to host|for)|name or service not known|dns error\b|dns (lookup|server) |had no relevant answers|no (?:mail )?(?:hosts|servers) for (?:this |the )?domain|recipient.?s domain|host .{1,60} not found/i,
  },
  {
    reason: "norelaying",
    bounceClass: "block",
    said: /relay(ing)?( is| was)?( access)? (denied|not (allowed|permitted)|prohibited|disabled|rejected)|(not|no|denied|unable|refus\w*)( permitted| allowed)?( to)? relay|relaying? (mail )?(to|from|for) .{0,40}(not|denied|prohibit)|insecure mail relay|not a gateway|is not (a )?(local|one of) .{0,20}domain|we don.t handle mail for|that domain isn.t in my list/i,
  },
  {
    reason: "badreputation",
    bounceClass: "block",
    said: /reputation|senderscore|low(er)? reputation|poor reputation|bad reputation/i,
  },
  {
    reason: "toomanyconn",
    bounceClass: "block",
    said: /too many (connections|messages|e-?mails|recipients|concurrent|simultaneous|sessions|errors|requests|smtp|mails|hops? per)|(rate|connection|throughput|sending|message|volume|frequency|delivery)[ -]?(limit|exceed|thrott)|thrott?l|(limit|exceed\w*)[^.]{0,30}(connections?|rate|frequency|per (hour|minute|day|second)|concurrent)|slow down|temporarily deferred due to|unusual(ly)? (rate|volume|high)|max(imum)? (number of )?(connections?|messages|recipients)|connection rate|sending (e-?mails? )?too (fast|quickly|many)|mail sending (frequency|limit)|exceeded (the )?(hourly|daily|maximum|max)|connection.{0,10}(dropped|refused).{0,30}(rate|limit)|greylist|grey.?listed/i,
  },
  {
    reason: "spamdetected",
    bounceClass: "block",
    said: /black ?listed (url|link)|\buribl\b|\bsurbl\b|\bspam(?!haus|cop|hause)\b(?! ?(trap|list ?server))|spam(my|ming|assassin|-like|like)|\bube\b|\buce\b|unsolicited|junk ?mail|bulk (e-?)?mail|looks like|phishing|message (was |has been )?(rejected|refused|blocked|identified|classified).{0,40}(content|filter|suspicious)|content (rejected|filter)|(suspicious|objectionable) (content|message)|rule imposed|high (spam )?probability|barracuda|blocked by (our|the) (content|filter)|rejected by (the )?(content|spam)/i,
  },
  {
    reason: "blocked",
    bounceClass: "block",
    enhanced: /^5\.7\.(6\d\d|50[0-8]|51\d|7\d\d)$/,
    said: /black ?list|block ?list|blocklist|deny ?list|\brbl\b|dnsbl|\bbl\b (by|list)|spamhaus|spamcop|sorbs|barracudacentral|uceprotect|senderbase|listed (in|on|by|at)|(ip|ip address|host|client|server|network|sender|connection|domain|message|mail|address)[^.]{0,40}(is |was |has been |been |are )?(blocked|banned|denied|refused|rejected by (our|the) (ip|reputation|policy))|(permission|connection|service) (is |was )?(denied|refused|not allowed|blocked)|access (is |was )?(refused|not allowed|blocked)|blocked (using|by|for|due|because|at)|(not|no longer) (allowed|permitted|authorized|authorised) to (send|connect|relay|deliver)|dynamic(ally)? (assigned )?(ip|address|pool)|residential|(cannot|can't|unable to) (connect|accept mail) from|bad (host|sender|helo|dns)|we do not accept mail from|your (ip|host|mail ?server|network|server|access)[^.]{0,70}(reject|block|ban|list|den|refus|abus)|client host rejected|helo command rejected|service refused|unable to receive mail from|use the smtp server of your isp|go away|ip address|intrusion/i,
  },
  {
    reason: "exceedlimit",
    bounceClass: "soft",
    enhanced: /^5\.2\.3$/,
  },
  {
    reason: "mesgtoobig",
    bounceClass: "soft",
    enhanced: /^5\.3\.4$/,
    said: /(message|mail|size|attachment|header|data|body)(?! has been in)[^.]{0,45}(too (large|big|long)(?! in)|exceed\w*[^.]{0,25}(size|limit|max)|larger than|over(sized)?\b|size limit|length exceeds)|(size|length)[^.]{0,15}(limit|exceed|maximum)|exceeds? (maximum|the max|size|fixed)[^.]{0,25}(size|length|message)|too (large|big) (message|mail|for)|message size|(^|\D)552 .{0,30}size|taille/i,
  },
  {
    reason: "userunknown",
    bounceClass: "hard",
    enhanced: /^5\.1\.(0|1|3|35\d)$/,
    said: /(user|recipient|mail ?box|address|account|addressee|person|name|local ?part|alias|login|destination|e-?mail|customer|subscriber|adresse|destinataire|empf[äa]nger|usuario)[^.;]{0,50}(unknown|not (be )?(found|known|exist|recogni[sz]ed|valid|listed|here|correct|a valid|local|available)|(does|do|did)(n.t| not) (exist|have|recogni)|doesn.t|don.t|invalid|is (possibly )?(incorrect|unavailable|wrong|invalid)|unavailable|no longer (exist|here)|non-?exist|undefined|reject\w*: (user|undeliverable|unknown|no such)|inconnue?|unbekannt|not listed|desconocid)|(unknown|no such|invalid|nonexist\w*|non-exist\w*|bad|incorrect|illegal|undeliverable|unrouteable|unroutable|not a valid|no valid|no)( \w+)? (user|recipients?|mail ?box|address|account|addressee|person|local ?part|local-part|alias|destination address|e-?mail|destination mailbox|inbox|customer)\b|user ?unknown|unknown ?user|recipnotfound|no mail ?box (here )?by that name|sorry, no mailbox|delivery to (this|that) address|not our (customer|user)|can.?t (verify|find) (the )?(recipient|user)|that (user|account|email) (was|could|does|did) n|(doesn.t|does not) have an? .{0,40}account|this user doesn.t|cannot (route|be delivered) to|550 .{0,40}no such|not (listed )?in (the )?(public )?(name|directory|domino)|address (error|rejected)\b(?!\s*:)|unknown or illegal|invalid user|недоступ|не существует|no such user|requested action not taken: mailbox unavailable|invalid final delivery userid|(^|[^a-z])@ (is |was )?(unknown|not (found|known|exist)|does(n.t| not) exist|undeliverable)|bad[_ ]recipient|not an? (known|valid|active|existing|local) (user|account|mailbox|recipient|address)|check (if|that|whether) (the )?address is correct|unknown recipient or mailbox|(could not|couldn.t) be found\. check/i,
  },
  {
    reason: "failedstarttls",
    bounceClass: "soft",
    enhanced: /^[45]\.7\.(4|10)$/,
    said: /starttls|\btls\b.{0,30}(required|fail|not available|handshake)|certificate (verify|verification|has)|encryption (is )?(required|needed)/i,
  },
  {
    reason: "policyviolation",
    bounceClass: "block",
    enhanced: /^5\.7\.(9|1[0-24-9])$/,
    said: /polic(y|ies)|not accepted for policy|security (polic|guideline)|violat|local (policy|rules?)|prohibited|attachment[^.]{0,40}(not allowed|forbidden|blocked|rejected)|forbidden|restricted|disallowed|unacceptable|banned (content|file)|(illegal|executable) attachment|blocked file|header (from|validation)|contains (an? )?(invalid|illegal|disallowed)/i,
  },
  {
    reason: "securityerror",
    bounceClass: "block",
    enhanced: /^5\.7\.(1|3|5|6|7|8|14)$/,
    said: /security|auth(entication)?.{0,25}(fail|required|needed|turned on)|not (been )?auth|verif(y|ied|ication)[^.]{0,30}(identity|sender|fail|e-?mail address)|address is not verified|account is subject|credentials|turn on smtp auth|unauthenticated senders|insufficient permission|not authori[sz]ed|unauthori[sz]ed/i,
  },
  {
    reason: "rejected",
    bounceClass: "block",
    enhanced: /^5\.1\.[78]$/,
    said: /(sender|from|mail from|originator|envelope|reverse.path|domain of sender|return address|your (e-?mail )?address)[^.]{0,45}(reject|denied|refus|invalid|not (exist|accept|found|allowed|verif|valid|resolv)|does not|doesn.t|bad|unknown|must|unresolv|block|unrouteable)|(invalid|unknown|bad|illegal|empty|unverified) (sender|envelope|originator|from)|not (a )?member( of)?|you are not allowed to (post|send)|(posting|members?)[^.]{0,30}(only|not allowed|restricted|denied)|not (a )?subscrib|(administrator|recipient|group|list)[^.]{0,30}(reject|not accept|denied|prohibits)|<>|null sender|グループ|投稿する権限|permission to (post|send|e-?mail)/i,
  },
  {
    reason: "contenterror",
    bounceClass: "soft",
    enhanced: /^5\.6\./,
    said: /(mime|header|body|content|message|charset|character|line)[^.]{0,35}(malformed|invalid|error|illegal|corrupt|not (valid|allow|conform)|unparsab|improper|bare lf|8-?bit)|(malformed|improper|invalid|illegal) (mime|header|message|content|character|charset|from)|bare (lf|cr)|duplicate (header|subject|from)|not rfc|rfc ?(822|2822|5322)|missing .{0,20}header|message (format|content) (error|rejected)/i,
  },
  {
    reason: "filtered",
    bounceClass: "block",
    enhanced: /^5\.2\.0$/,
    said: /domain.?filter|filtered|user (reject|filter)|recipient (refus|reject|filter|has not)|because the recipient|(refus|reject)ed by (the )?(recipient|user|domain|remote)|not accept(ing)? (mail|messages|e-?mail)|we (failed|would have loved) to deliver|mailbox (is )?not (accept|allow)|rejected a message|this account is protected|whitelist|approved sender|requested action aborted|受信拒否|message (was )?(rejected|refused)|transaction failed/i,
  },
  {
    reason: "expired",
    bounceClass: "soft",
    enhanced: /^[45]\.4\.7$/,
    said: /(delivery|message|retry|queue)[^.]{0,35}(time|expired|timed? ?out|timeout)|(time|timeout|expired|too long|been in the queue|giving up|gave up)[^.]{0,25}(queue|delivery|exceeded|retry|message|trying)|(has )?not (yet )?been (able to be )?(collected|delivered)[^.]{0,40}(after|within|for|in)|could not be delivered (for|within|after)|undelivered after|retry time(out)?|delivery failed \d+ attempts|will (continue|keep) trying|i.m not going to try again|queue(d)? too long|connection timed out during|deferred: connection timed out|for the last \d+ (hours|days)/i,
  },
  {
    reason: "networkerror",
    bounceClass: "soft",
    enhanced: /^[45]\.4\.([1-35689]|0)$/,
    said: /(connection|connect|network|host|server|session|route|socket|smtp)[^.]{0,45}(timed? ?out|timeout|refused|reset|lost|closed|dropped|unreachable|failed|unavailable|not respond|down|broken|error|interrupt)|(could not|couldn.t|unable to|cannot|can.t|failed to) (connect|establish|contact|reach|open (a )?(connection|socket))|no route|too many hops|hop count|mail (loop|forwarding loop)|loop(s|ing)? (back|detected|to myself)|routing loop|dns (temporar|timeout|fail)|name server|timed? out|not responding|unreachable|name lookup fail|too many (received|dns)/i,
  },
  {
    reason: "systemfull",
    bounceClass: "soft",
    enhanced: /^[45]\.3\.1$/,
    said: /(mail ?system|server|disk|filesystem|file system|system)[^.]{0,25}(full|no space|out of)|insufficient (system|disk) (storage|space|resources)|no space left|requested mail action aborted: exceeded storage/i,
  },
  {
    reason: "mailererror",
    bounceClass: "soft",
    said: /command (died|failed|output|time)|pipe (to|failed|command)|exit(ed)? (status|code|with)|procmail|program .{0,30}(fail|exit)|(x-unix|pipe to \|)|local (delivery|error)|mailer (error|exit)|terminated by signal|cannot (exec|execute|open)|mail ?filter error|status code \d/i,
  },
  {
    reason: "systemerror",
    bounceClass: "soft",
    enhanced: /^[45]\.(3\.[05]|5\.\d+)$/,
    said: /(system|server|internal|local|configuration|software|service|backend|database|resources?|lookup|i\/o|processing|temporary|temporarily)[^.]{0,30}(error|fail|unavailable|problem|trouble|busy|overload|misconfig|incorrect|exception|rejected)|(cannot|can.t|unable to|failed to) (open|write|lock|create|allocate|process|append|store|access|route|deliver)|not available|try (again )?later|please retry|out of memory|misconfigur|5\.3\.5|closing (transmission|connection)|server (error|too busy)|temporary (local|lookup)/i,
  },
  {
    reason: "syntaxerror",
    bounceClass: "soft",
    said: /malformed address|syntax error|(improper|bad) (command )?sequence|command (parameter )?not (implemented|recogni[sz]ed)/i,
  },
  { reason: "blocked", bounceClass: "block", said: /access denied/i },
] as const satisfies readonly ReasonRule[];

/** The table as rules, whatever each of them knows. */
export const reasons: readonly ReasonRule[] = table;
