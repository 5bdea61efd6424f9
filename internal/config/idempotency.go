package config

// Kinds of store for the answers of idempotency keys.
const (
	IdempotencyStoreSQLite   = "sqlite"
	IdempotencyStorePostgres = "postgres"
)

// Idempotency says where the answers of calls with an Idempotency-Key are kept
// for repetition.
type Idempotency struct {
	// Store is "sqlite" (a file in DataDir, default: a key counts at the gateway
	// it was sent to) or "postgres" (shared by several gateways); default
	// "postgres" when URL is given.
	Store string `yaml:"store"`
	// URL of the PostgreSQL database; with store: postgres it defaults to
	// jobs.url. The environment variable OMNI_IDEMPOTENCY_URL overrides it; put
	// a URL with a password there.
	URL string `yaml:"url"`
}

func (i Idempotency) withDefaults(jobs Jobs) Idempotency {
	if i.URL != "" {
		or(&i.Store, IdempotencyStorePostgres)
	}
	or(&i.Store, IdempotencyStoreSQLite)
	if i.Store == IdempotencyStorePostgres {
		or(&i.URL, jobs.URL)
	}
	return i
}

func (i Idempotency) validate(v *faults) {
	v.oneOf("idempotency.store", i.Store, IdempotencyStoreSQLite, IdempotencyStorePostgres)
	switch {
	case i.Store == IdempotencyStoreSQLite && i.URL != "":
		v.say("idempotency.store = sqlite, but a URL is given (idempotency.url or OMNI_IDEMPOTENCY_URL); say store: postgres, or take the URL away")
	case i.Store == IdempotencyStorePostgres && i.URL == "":
		v.say("idempotency.store = postgres needs a URL: idempotency.url, OMNI_IDEMPOTENCY_URL, or that of the jobs")
	case i.Store == IdempotencyStorePostgres && !usableDatabase(i.URL):
		v.say("idempotency.url (or OMNI_IDEMPOTENCY_URL) cannot be used; want postgres://user:password@host:5432/database?sslmode=verify-full")
	}
}
