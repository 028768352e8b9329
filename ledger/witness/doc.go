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
//	logs      verifier keys of the logs that it cosigns, one a line
//	<hex>     named by the SHA-256 of an origin: the last checkpoint cosigned
//	lock      held while a request is answered
//
// The last checkpoint is on disk before a cosignature leaves AddCheckpoint, and
// any number of processes may use one directory. Restoring a directory from a
// backup makes a witness forget what it vouched for: make a new witness instead.
// Serving it over HTTP is left to others.
package witness
