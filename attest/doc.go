// Package attest makes and reads the statements that Proctor logs: the bytes
// that are hashed, the envelope and bundle that carry a signature, and the
// evidence pack that carries them all to a verifier.
//
// It promises that what it accepts is unambiguous: JSON with one meaning
// (RFC 8785 after a domain check), hashes with one input (tagged and
// length-prefixed), a statement whose id does not depend on how it was wrapped.
// It verifies signatures with the standard library alone and trusts no key that
// travels with a statement. It knows nothing of ledgers: to it a proof is text.
//
// The formats are PROTOCOL version 1: in-toto Statement v1
// (https://github.com/in-toto/attestation), DSSE
// (https://github.com/secure-systems-lab/dsse), the Sigstore bundle v0.3, and
// the predicates described in package schemas.
package attest
