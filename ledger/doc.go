// Package ledger is the transparency log as everyone but its operator sees it:
// an entry, a proof that the entry was logged, and a policy that says whose
// word is enough.
//
// # Judging a proof
//
// A proof is a c2sp.org/tlog-proof@v1 file: an index, the hashes that lead from
// the entry to the root of a tree, and the signed checkpoint that holds the
// root. A policy is a c2sp.org/tlog-policy file. [Policy.Verify] takes both and
// opens no socket, so that an answer does not depend on anybody being up:
//
//	policy, err := ledger.ParsePolicy(text)
//	verified, err := policy.Verify(entry, proof, time.Now())
//	fmt.Println("logged no later than", verified.NotAfter)
//
// What a nil error promises: one of the policy's logs signed a tree that holds
// exactly these bytes at [Verified.Index], and a quorum of the policy's
// witnesses cosigned that tree, each saying that it only ever saw the log grow.
//
// # Time
//
// A log's own word about time proves nothing, and a checkpoint carries none.
// What counts is c2sp.org/tlog-cosignature: each witness dates its cosignature.
// [Verified.NotAfter] is the smallest T such that the cosignatures dated no
// later than T meet the quorum by themselves. A lone witness with a slow clock
// cannot move it; a quorum of them can. A policy with "quorum none" verifies
// but gives no time.
//
// # Reading a ledger
//
// A [Reader] serves the files of c2sp.org/tlog-tiles. Nothing it returns is
// believed: [ProveInclusion] and [ProveConsistency] build proofs that the
// caller verifies, [CheckConsistent] and [ScanVerified] verify against a root,
// and only [Entries] hands out bytes as they come, which its comment says.
//
// # What is left to others
//
// The engines that append are in ledger/tiles and its siblings, the witness in
// ledger/witness. What an entry means is not known here: to this package it is
// up to [MaxEntry] bytes.
package ledger
