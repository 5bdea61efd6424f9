// Package authn knows who calls: it reads the credential from a request's
// headers, checks it against the keys of a [Store] held in memory, and says
// which tenant, tier and scopes stand behind it.
//
// A key reads omni_<tier>_<id>_<secret><checksum>. The checksum refuses typing
// errors without a look-up, the id finds the row, and of the secret only a
// hash is stored. [Authenticator] answers from a snapshot of the whole store
// and does no I/O on the way; it asks the store for changes every
// Options.Poll, so that a revoked key is refused everywhere in under a second.
// [Issuer] makes, rotates and revokes keys.
//
// No error and no log line of this package holds a key, a part of its secret,
// or its hash.
package authn
