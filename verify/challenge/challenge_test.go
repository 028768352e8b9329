package challenge

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

type vectors struct {
	StatementID, Chain, Randomness, Challenge, Draw, FewshotSeed attest.Hash

	Round   uint64
	Stratum struct {
		Name string
		Seed attest.Hash
	}
	Samples  []sample
	DrawSeed struct {
		Purpose string
		Seed    attest.Hash
		Subset  sample
	}
	RunSeed struct {
		Item   uint64
		Sample uint32
		Seed   attest.Hash
	}
}

type sample struct {
	Population, K uint64
	Sorted, Drawn []uint64
}

func TestVectors(t *testing.T) {
	for _, path := range []string{"testdata/challenge.json", "../../../shared/vectors/challenge.json"} {
		t.Run(path, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("the shared vectors are not beside this checkout; testdata holds a copy")
			}
			if err != nil {
				t.Fatal(err)
			}
			var v vectors
			if err := json.Unmarshal(data, &v); err != nil {
				t.Fatal(err)
			}
			checkVectors(t, v)
		})
	}
}

func checkVectors(t *testing.T, v vectors) {
	round := Round{Number: v.Round, Randomness: v.Randomness}
	seed := Seed(v.StatementID, v.Chain, round)
	draw := Draw(v.StatementID, v.Chain, round)
	for _, c := range []struct {
		name      string
		got, want attest.Hash
	}{
		{"Seed", seed, v.Challenge},
		{"Stratum", Stratum(seed, v.Stratum.Name), v.Stratum.Seed},
		{"Draw", draw, v.Draw},
		{"DrawSeed items", DrawSeed(draw, v.DrawSeed.Purpose), v.DrawSeed.Seed},
		{"DrawSeed fewshot", DrawSeed(draw, FewShot), v.FewshotSeed},
		{"RunSeed", RunSeed(draw, v.RunSeed.Item, v.RunSeed.Sample), v.RunSeed.Seed},
	} {
		if c.got != c.want {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
	for _, s := range v.Samples {
		checkSample(t, v.Stratum.Seed, s)
	}
	checkSample(t, v.DrawSeed.Seed, v.DrawSeed.Subset)
}

func checkSample(t *testing.T, seed attest.Hash, s sample) {
	t.Helper()
	got := Sample(seed, s.Population, s.K)
	if !slices.Equal(got, s.Drawn) {
		t.Errorf("Sample(%d, %d) = %v, want %v", s.Population, s.K, got, s.Drawn)
	}
	slices.Sort(got)
	if s.Sorted != nil && !slices.Equal(got, s.Sorted) {
		t.Errorf("Sample(%d, %d) sorted = %v, want %v", s.Population, s.K, got, s.Sorted)
	}
}

func TestSample(t *testing.T) {
	seed := attest.TaggedHash("test")
	if got := Sample(seed, 0, 5); len(got) != 0 {
		t.Errorf("Sample(0, 5) = %v, want none", got)
	}
	if got := Sample(seed, 5, 0); len(got) != 0 {
		t.Errorf("Sample(5, 0) = %v, want none", got)
	}
	// A population that could not be laid out in memory.
	huge := Sample(seed, math.MaxUint64, 50)
	for i, x := range huge {
		if slices.Contains(huge[:i], x) {
			t.Fatalf("position %d was drawn twice", x)
		}
	}
	if all := Sample(seed, 300, 300); !slices.Equal(all[:17], Sample(seed, 300, 17)) {
		t.Error("a smaller draw is not the start of a larger one")
	}
	all := Sample(seed, 300, 1000)
	slices.Sort(all)
	for i, x := range all {
		if x != uint64(i) {
			t.Fatalf("sorted full draw has %d at %d", x, i)
		}
	}
}

// A modulus just above 2^63 rejects almost half of all values: the counter must
// go on, not start over.
func TestRejection(t *testing.T) {
	g := newGenerator(attest.TaggedHash("test"))
	const m = 1<<63 + 1
	for range 64 {
		if v := g.below(m); v >= m {
			t.Fatalf("below(%d) = %d", uint64(m), v)
		}
	}
	if g.next < 80 {
		t.Errorf("64 values took %d hashes, want about 128", g.next)
	}
}
