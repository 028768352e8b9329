// Package verify judges evidence packs: which of the things that a published
// score suggests are proven, which are only attested and by whom, which are
// missing, which are contradicted (PROTOCOL §7).
//
// It is offline and pure: a pack, a policy and a verification time give one
// verdict, and nothing is fetched, written or read from a clock. It takes no key
// from inside a pack. A claim that does not hold is a state in the verdict; an
// error means that no verdict could be reached.
package verify
