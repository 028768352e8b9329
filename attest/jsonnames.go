package attest

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// fewNames is up to how many names of one object are kept as they are. Of more only
// hashes are kept, so that an object of ten million members, which a file of a hundred
// megabytes can have, takes eight bytes for each.
const fewNames = 1 << 12

var nameSeed = maphash.MakeSeed()

func hashNames(names map[string]bool) []uint64 {
	out := make([]uint64, 0, 2*len(names))
	for name := range names {
		out = append(out, maphash.String(nameSeed, name))
	}
	return out
}

// repeated returns the hashes that several names have, sorted: equal names do, and
// hardly others.
func repeated(hashes []uint64) (out []uint64) {
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			out = append(out, hashes[i])
		}
	}
	return out
}

// checkTwice walks an object, which begins at s.at, once more to find the second of
// two equal names among those of some hashes.
func (s scanner) checkTwice(depth int, hashes []uint64) error {
	names := map[string]bool{}
	s.at++
	for {
		at, name, err := s.member()
		if err != nil {
			return err
		}
		if _, doubt := slices.BinarySearch(hashes, maphash.String(nameSeed, name)); doubt {
			if names[name] {
				return twiceError(at, name)
			}
			names[name] = true
		}
		if err := s.value(depth); err != nil {
			return err
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

func twiceError(at int, name string) error {
	return &JSONError{Offset: at, Reason: fmt.Sprintf("duplicate name %q", clip(name))}
}
