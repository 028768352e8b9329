// Package challenge derives what public randomness decides about a run: which
// items it uses, which leaves of its result are opened, and in what order.
//
// It checks one round of a randomness beacon, by drand's BLS schemes on
// BLS12-381 (https://docs.drand.love/docs/specification,
// https://www.rfc-editor.org/rfc/rfc9380), and turns the round, together with
// the id of a statement, into the seeds and the sampler of PROTOCOL §4 and §6.
// It promises that whoever starts from the same statement and the same round
// gets the same leaves, and that no byte enters a seed which somebody could still
// choose once the round is known.
//
// A round file looks like this; members that are not shown are ignored:
//
//	{"round":1000,"randomness":"fe29…4fdd","signature":"b446…5e39"}
//
// The randomness is always computed from the verified signature. Whether the
// round came late enough after the statement is the caller's question: this
// package knows when a round was due, not when an entry was logged. It reads no
// clock and opens no socket.
package challenge

import (
	"encoding/binary"

	"github.com/proctor-attest/proctor/attest"
)

// The strata of a result's leaves, which are challenged separately.
const (
	Excluded   = "excluded"   // leaves without a grade
	Credited   = "credited"   // leaves with a grade better than the range's worst
	Uncredited = "uncredited" // leaves with the range's worst grade
)

// The purposes of seeds that a draw yields.
const (
	Items     = "items"     // which active items the run uses
	FewShot   = "fewshot"   // which examples precede each item
	Options   = "options"   // in which order choices are shown
	Generator = "generator" // what a generator makes items from
	Control   = "control"   // a second generation that must not repeat the first
)

// Seed returns the challenge to a result: the seed of what its evaluator has to
// open. The id is the result's, chain and round are those its terms name.
func Seed(result, chain attest.Hash, round Round) attest.Hash {
	return beaconSeed("challenge", result, chain, round)
}

// Stratum returns the seed that samples one stratum of the challenged leaves.
func Stratum(challenge attest.Hash, name string) attest.Hash {
	return attest.TaggedHash("stratum", challenge[:], attest.AppendLP(nil, name))
}

// Draw returns the draw of a registration: the root of every seed of its run.
func Draw(registration, chain attest.Hash, round Round) attest.Hash {
	return beaconSeed("draw", registration, chain, round)
}

// DrawSeed returns the seed of a draw for one purpose.
func DrawSeed(draw attest.Hash, purpose string) attest.Hash {
	return attest.TaggedHash("draw-seed", draw[:], attest.AppendLP(nil, purpose))
}

// RunSeed returns the seed of one sample of one item, for the engine that
// generates it.
func RunSeed(draw attest.Hash, item uint64, sample uint32) attest.Hash {
	place := binary.BigEndian.AppendUint64(nil, item)
	return attest.TaggedHash("run-seed", draw[:], binary.BigEndian.AppendUint32(place, sample))
}

func beaconSeed(tag string, id, chain attest.Hash, round Round) attest.Hash {
	number := binary.BigEndian.AppendUint64(nil, round.Number)
	return attest.TaggedHash(tag, id[:], chain[:], number, round.Randomness[:])
}
