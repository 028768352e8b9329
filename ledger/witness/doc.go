// Package witness is a c2sp.org/tlog-witness, and the client by which a ledger
// gathers cosignatures from witnesses.
//
// A witness remembers, for each log that it was told to watch, the largest tree
// it has seen, and cosigns a larger one only against a proof that nothing in it
// changed. It never cosigns two histories of one log, and it never dates a
// cosignature earlier than its last: verifiers take that date as a time by which
// an entry existed.
//
// A directory holds a witness:
//
//	key       the signing key of c2sp.org/signed-note, unencrypted
//	pub       the verifier key, as a policy takes it
//	operator  who runs the witness, a URI
//	key-mldsa a second signing key, of ML-DSA-44; usually absent
//	pub-mldsa its verifier key
//	logs      verifier keys of the logs that it cosigns, one a line
//	<hex>     named by the SHA-256 of an origin: the last checkpoint cosigned
//	restored  logs whose record comes from a backup, one a line; usually absent
//	lock      held while a request is answered
//
// The last checkpoint is on disk before a cosignature leaves AddCheckpoint, and
// any number of processes may use one directory. Handler serves it over HTTP, Client
// asks one that somebody else serves.
//
// A witness that comes from a backup has forgotten what it vouched for since. Who
// brings one back calls MarkRestored, and after that it cosigns a log only when Renew
// was shown the ledger as it is now. Logs that it began to cosign after the backup it
// does not know at all: a new witness is safer than adding one of them again.
package witness
