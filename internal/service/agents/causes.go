package agents

import "regexp"

// cause is a class of trouble, the words that give it away and what to do.
type cause struct {
	name    string
	pattern *regexp.Regexp
	steps   []string
}

// denied ends a text that denies what follows: "no timeout", "without any".
var denied = regexp.MustCompile(`(?i)\b(?:no|without|zero|0|free of|not (?:a|an|due to|caused by|because of))\s+(?:[\w-]+\s+)?$`)

// longer is no denial: "no longer reachable".
var longer = regexp.MustCompile(`(?i)\bno longer\s+$`)

// namedIn returns the words of a text that give the cause away, those aside
// that the text denies; "" if there are none.
func (c *cause) namedIn(text string) string {
	for _, m := range c.pattern.FindAllStringIndex(text, -1) {
		before := text[max(0, m[0]-80):m[0]]
		if !denied.MatchString(before) || longer.MatchString(before) {
			return text[m[0]:m[1]]
		}
	}
	return ""
}

func words(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// causes are tried in order; a text may fit several.
var causes = []cause{
	{"pool_exhausted", words(`pool (?:is )?(?:exhaust|full|timeout)|too many (?:connections|clients)|no (?:free|available) connections?|max(?:imum)?[ _]connections|connection limit|remaining connection slots`), []string{
		"List open connections by client and state, and the age of the oldest transaction.", "End transactions left open by a dead client.",
		"Compare pool size × instances with the server's connection limit; lower one or raise the other.", "Give queries and checkouts a timeout, so that a slow query cannot hold the pool.",
	}},
	{"out_of_memory", words(`out of memory|\boom\b|oom[- ]?kill|cannot allocate memory|heap (?:space|limit|exhaust)|memoryerror|exit code 137|evicted.*memory`), []string{
		"Confirm the kill in the kernel or orchestrator events and note the limit.", "Compare resident memory before the kill with the limit and with the last release.",
		"Raise the limit or lower concurrency for now.", "Take a heap profile under load and look for what grows.",
	}},
	{"disk_full", words(`no space left|disk (?:is )?full|enospc|quota exceeded.*disk|disk quota|volume (?:is )?full|storage full`), []string{
		"Find the full volume and its largest files; check inodes too.", "Rotate or remove logs and temporary files; keep data files.", "Extend the volume or move the data.", "Alert at 80 % with a forecast of when it is full.",
	}},
	{"certificate", words(`x509|certificate (?:has )?(?:expired|verify|is not|signed|unknown|invalid)|certificate|tls (?:handshake|error|alert)|ssl (?:handshake|error|routines)|self[- ]signed|unknown authority`), []string{
		"Read the certificate the server presents: dates, names, chain.", "Renew it, or install the missing intermediate certificate.", "Check the clock of client and server.", "Watch expiry dates 30 days ahead.",
	}},
	{"name_resolution", words(`no such host|name or service not known|nxdomain|servfail|\bdns\b|could not resolve|getaddrinfo|temporary failure in name`), []string{
		"Resolve the name from the failing host and from another.", "Check the resolver's health and the record's last change.", "Lower the load on the resolver by caching; raise its capacity.", "Use a fully qualified name to avoid search-list queries.",
	}},
	{"connection_refused", words(`connection refused|econnrefused|connect(?:ion)? (?:was )?reset|econnreset|broken pipe|no route to host|host unreachable|ehostunreach`), []string{
		"Check that the target process runs and listens on that address and port.", "Look for restarts or a crash loop on the target.", "Check firewall and network policy between the two.", "Let clients retry with back-off and jitter.",
	}},
	{"timeout", words(`time[d]?[ -]?out|deadline exceeded|etimedout|context deadline|took too long|no response (?:from|within)|hang(?:ing|s)?\b`), []string{
		"Measure the dependency's latency at the time of the failures (p50, p95, p99).", "Look for lock waits and slow queries on it, and for saturation of CPU, disk and connections.",
		"Shed or queue load in front of it; break the circuit so callers fail fast.", "Set timeouts below the caller's own deadline and retry only what is safe.",
	}},
	{"authentication", words(`unauthori[sz]ed|\b401\b|\b403\b|forbidden|access denied|permission denied|invalid (?:token|credentials?|api key|password)|authentication fail|token (?:has )?expired|login failed`), []string{
		"Find which credential is refused and when it was last rotated.", "Renew or redeploy the secret; restart what cached the old one.", "Check clock skew if tokens expire early.", "Review recent changes of roles and policies.",
	}},
	{"rate_limited", words(`rate[- ]?limit|too many requests|\b429\b|throttl|quota exceeded`), []string{
		"Read the limit and the reset time from the answer's headers.", "Spread calls with a client-side limiter; honour Retry-After.", "Cache or batch the calls that repeat.", "Ask for a higher quota if the need is real.",
	}},
	{"upstream_error", words(`\b50[0234]\b|bad gateway|service unavailable|internal server error|gateway time|upstream (?:error|failure|connect)|no healthy upstream`), []string{
		"Find the failing upstream and its share of errors by instance.", "Take bad instances out of rotation.", "Check the upstream's last release and its own dependencies.", "Serve a cached or reduced answer while it is down.",
	}},
	{"regression", words(`panic|nil pointer|null ?pointer|undefined (?:is not|method|variable)|segmentation fault|segfault|assertion fail|stack ?trace|index out of (?:range|bounds)|typeerror|keyerror|regression|after (?:the )?(?:deploy|release|upgrade|rollout)|unhandled exception`), []string{
		"Roll the last change back if it precedes the onset.", "Reproduce with a failing request in a test.", "Fix, add that test, release to a small share first.", "Compare error rates of old and new version before going on.",
	}},
	{"lock_contention", words(`deadlock|lock wait|could not obtain lock|serialization failure|database is locked`), []string{
		"List blocking and blocked sessions.", "End the longest blocker if it is safe.", "Order updates the same way everywhere and keep transactions short.", "Retry serialization failures with back-off.",
	}},
}

// runbookOfMetrics is for metrics out of line without a word about why.
var runbookOfMetrics = []string{
	"Compare the affected metrics with request volume: is it load or is it failure?", "List changes (releases, configuration, infrastructure) shortly before the onset.",
	"Split the metric by instance, region and endpoint to find where it is concentrated.", "Roll back or drain the part that stands out, then confirm the metric recovers.",
}
