package testset

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// synthetic is a file of n rows that is made while it is read.
func synthetic(n int) Source {
	return Source{Name: "synthetic.jsonl", Open: func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			var err error
			var b []byte
			for i := 0; i < n && err == nil; i++ {
				b = fmt.Appendf(b, `{"id":"item-%07d","question":"What is %d plus %d, and what makes that so? Answer in one word.","choices":["%d","%d","%d","none"],"answer":%d}`+"\n", i, i, i%97, i, i+1, i+2, i+i%97)
				if len(b) > 1<<16 || i == n-1 {
					_, err = w.Write(b)
					b = b[:0]
				}
			}
			w.CloseWithError(err)
		}()
		return r, nil
	}}
}

// texts is a file of n rows of two fields of about 280 bytes, as sets of questions and
// answers are; one row in ten has accents and escapes.
func texts(n int) []byte {
	words := strings.Fields("what is the sum of all even numbers below a hundred and how do you know that it " +
		"holds for every train which leaves the station at noon while another one from Rome has twice its speed")
	random := rand.New(rand.NewPCG(1, 2))
	text := func(b []byte, odd bool) []byte {
		for range 52 {
			b = append(append(b, words[random.IntN(len(words))]...), ' ')
		}
		if odd {
			b = append(b, `Où? \"Là-bas\",\n\tdit-il… `...)
		}
		return b
	}
	var b []byte
	for i := range n {
		b = text(fmt.Appendf(b, `{"id":"item-%07d","question":"`, i), i%10 == 0)
		b = text(fmt.Appendf(b, `%d?","answer":"`, i), i%10 == 0)
		b = append(b, "\"}\n"...)
	}
	return b
}

func BenchmarkSurvey(b *testing.B) {
	data := texts(50_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Survey(context.Background(), bytesSource("f", data), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	data := texts(50_000)
	src := bytesSource("f", data)
	shape, err := Survey(context.Background(), src, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Commit(context.Background(), src, shape, config(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen459 opens a store of a million items and 459 of them, by their keys.
func BenchmarkOpen459(b *testing.B) {
	const items, opened = 1_000_000, 459
	dir := filepath.Join(b.TempDir(), "set")
	_, err := CreateStore(dir, testSecret, func(private io.Writer) (*Version, error) {
		return Commit(context.Background(), synthetic(items), Shape{Key: "id", Fields: []string{"question", "answer"}, Rows: items}, config(), private)
	})
	if err != nil {
		b.Fatal(err)
	}
	var keys []Key
	for i := range opened {
		keys = append(keys, Key(fmt.Sprintf(`"item-%07d"`, i*(items/opened))))
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := OpenStore(dir)
		if err != nil {
			b.Fatal(err)
		}
		var indexes []uint64
		for _, k := range keys {
			found, err := s.Find(k)
			if err != nil || len(found) != 1 {
				b.Fatalf("Find(%s) = %v, %v", k, found, err)
			}
			indexes = append(indexes, found[0])
		}
		if err := s.Open(context.Background(), io.Discard, indexes, nil); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkTree(b *testing.B) {
	leaves := make([]attest.Hash, 1_000_000)
	for b.Loop() {
		attest.NewTree(leaves)
	}
}
