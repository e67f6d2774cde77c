/**
 * Words that mail servers, providers and people who leave write with a capital, or after "user", "mailbox" and the like,
 * without naming anybody. A word that is not here and stands where a name would is taken for one: better a word too few in
 * a diagnostic than a name in the warehouse.
 */
const words = `
a abuse abusive accept acceptable accepted accepting accepts access according account accounts action active activity ad add additional address addressed
addressee addresses admin administrative administrator after again age alias all allow allowed already also am amazon an and anonymous another answer any aol
apple are as at attachment attempt attempts authenticated authentication authorization authorized automatic available avenue bad balance banned barracuda base based be
because been before being blacklist blacklisted block blocked blocking blocklist blocklisted body bounce bounced bounces box but by can cannot cant cause change changed
check cisco cleaned client close closed cloud cloudflare cloudmark code com come command complaint complaints configuration connect connected connecting connection
connections contact contacted contain contains content control copy corporate could country customer customers daily data date dead default defer deferred delayed
deleted deliver deliverable delivered delivering delivery denied deny department described destination details detected did different directory disabled disallowed
disclosed discarded discontinued disk dkim dmarc dns do does doesnt domain domains dont down due duplicate during dynamic each either email emails empty encryption end engine
enhanced enough error errors esmtp every exceed exceeded exceeds exchange exchanges exim exist existing exists exit expired explanation external fail failed failing fails
failure failures fake fault fbl feedback few file filter filtered filtering final first following for forbidden format forward forwarded forwarding found fraud free frequency
frequent from full further gateway general generic get given gmail gmx go google got greylist greylisted greylisting group had handle has have he header headers hello helo help
here high his host hosted hosting hostname hosts hotmail how however http https i icloud identity if illegal im immediately in inactive inbox incoming incorrect
information innocent insufficient intended interest interested interesting internal internet into invalid ip ironport irrelevant is issue issues it its junk just known large last later
leave left less level like likely limit limited limits line link list listed lists local lock locked long longer look looks loop lookup low mail mailbox mailboxes mailchimp
maildir mailer mailgun mailing mailings mails malformed malware manual many match maximum may me mechanism member memory message messages microsoft mimecast minute minutes missing
mistake moderated more most moved mta mx my name named nbsp need needed network never new newsletter newsletters next nexus no nobody non none not note nothing notification notified now
null number object of off offer offers office offline often ok on one online only open or order ordering other our out outbound outgoing outlook outside over own owner page
parameter part parse past path peer per percent permanent permanently permission permitted personal phishing please policies policy poor postfix postini postmark postmaster prevent
prevented previous privacy private problem problems process processed processing prohibited proofpoint protection protocol provided provider proxy ptr purchase qmail quarantined query queue
queued quota quotas rate rbl reach reached read reading ready reason receive received receiver receiving recent recipient recipients reconfirm record records redirect refused
refuse reject rejected rejecting rejection rejects relay relaying relevant remote removed repeated replied reply report reported reputation request requested require required
requires resolve resolved resource resources respond response restricted restriction result retry return returned reverse review rfc rule rules same scam score second seconds secure
security see seems send sender senders sendgrid sending sendmail sends sent sequence serious server servers service services session sessions set setting several sex shared
should sign signature signed similar simple since site size slow smtp so some soon sorry source spam spamassassin spamcop spamhaus spammer spamming sparkpost specified spf starttls state
status still stop storage stopped store subject submission subscribe subscribed subscriber subscription success suite support suppressed suppression suspended suspicious switched symantec
syntax sysadmin system systems table take taken technical temporarily temporary terms terminated text than that the their them then there therefore these they thing think this those
thread threshold through throttled throttling time timed timeout times tls to today token told too total traffic transaction transfer transient trap treated tried trouble try trying turn two
type unable unacceptable unauthenticated unauthorized unavailable under undeliverable undelivered undisclosed unexpected unfortunately unique unknown unlimited unreachable unrecognized
unrouteable unsolicited unsubscribe unsubscribed until unused unusual up upon upgrade url us usage use used user users using valid validation value verification verified verify
version very via violates violation virus visit void volume wait want wanted warning was we web website weekly well were what when where which while who why will windows with within without work worked would
wrong www yahoo yandex you your yours zen zimbra zoho
hi hey hallo dear sir madam mr mrs ms miss dr herr frau regards cheers thanks am named customer i'm im virtual relational lmtp lda dovecot courier unverified overquota
mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep oct nov dec january february march april
june july august september october november december utc gmt
`;

export const mailWords: ReadonlySet<string> = new Set(words.split(/\s+/).filter((word) => word !== ""));
