package testset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

// near runs Near over JSON Lines.
func near(t testing.TB, file string, opt NearOptions) *NearReport {
	t.Helper()
	src := source("f", file)
	shape, err := Survey(context.Background(), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Near(t.Context(), src, shape, opt)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// itemsOf makes a file of items from texts.
func itemsOf(texts ...string) string {
	var b strings.Builder
	for i, text := range texts {
		quoted, _ := json.Marshal(text)
		fmt.Fprintf(&b, `{"id":"q%d","text":%s}`+"\n", i, quoted)
	}
	return b.String()
}

// vocabulary makes texts of n words that hardly ever share a shingle.
func vocabulary(r *rand.Rand, n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", r.IntN(1_000_000))
	}
	return words
}

// replaced changes n words, far from each other as far as may be.
func replaced(r *rand.Rand, words []string, n int) []string {
	words = slices.Clone(words)
	for i := range n {
		words[(2*i+1)*len(words)/(2*n)] = fmt.Sprint("other", r.Uint64())
	}
	return words
}

func joined(words []string) string { return strings.Join(words, " ") }

// similarity is the definition, without hashes.
func similarity(a, b []string) float64 {
	k := 5
	switch n := min(len(a), len(b)); {
	case n < 20:
		k = 1
	case n < 50:
		k = 2
	}
	set := func(words []string) map[string]bool {
		m := map[string]bool{}
		for i := 0; i+k <= len(words); i++ {
			m[strings.Join(words[i:i+k], " ")] = true
		}
		return m
	}
	x, y := set(a), set(b)
	both := 0
	for s := range x {
		if y[s] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

func TestNearKnown(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ten, twenty, fifty := vocabulary(r, 10), vocabulary(r, 20), vocabulary(r, 50)
	for _, tc := range []struct {
		name string
		a, b string
		want float64 // 0: not reported at 0.5
	}{
		{"ten words, one other", joined(ten), joined(replaced(r, ten, 1)), 9.0 / 11},
		{"ten words in another order", joined(ten), joined(slices.Sorted(slices.Values(ten))), 1},
		{"twenty words, one other", joined(twenty), joined(replaced(r, twenty, 1)), 17.0 / 21},
		{"fifty words, one other", joined(fifty), joined(replaced(r, fifty, 1)), 41.0 / 51},
		{"fifty words and one more", joined(fifty), joined(fifty) + " more", 46.0 / 47},
		{"on either side of fifty", joined(fifty[:49]), joined(fifty), 48.0 / 49},
		{"on either side of twenty", joined(twenty[:19]), joined(twenty), 19.0 / 20},
		{"the same in normal form", "Two  APPLES\tand a ﬁg", "two apples and a fig", 1},
		{"nothing in common", joined(vocabulary(r, 60)), joined(vocabulary(r, 60)), 0},
		{"a sum", "What is 2+3?", "What is 2+4?", 0.5},
		{"Chinese", "一个苹果加两个苹果等于几个苹果", "一个苹果加三个苹果等于几个苹果", 0.8},
		{"quotes and backslashes", `say "one" \ two`, `say "one" \ two.`, 0.6},
		{"nothing at all", "", "  ", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			report := near(t, itemsOf(tc.a, tc.b), NearOptions{Threshold: 0.5})
			if tc.want == 0 {
				if len(report.Groups) > 0 {
					t.Errorf("Near found %+v, want nothing", report.Groups)
				}
				return
			}
			want := []NearGroup{{[]NearItem{{0, `"q0"`, 1, tc.want}, {1, `"q1"`, 0, tc.want}}}}
			if diff := cmp.Diff(want, report.Groups); diff != "" {
				t.Errorf("Near differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Fields follow each other, the key is left out, structure separates words.
func TestNearFields(t *testing.T) {
	report := near(t, `{"id":"a b c d e f","q":"one two three four five","choices":["six seven","eight"],"n":9,"ok":true}
{"id":"g h i j k l","q":"one two three four five","choices":["six","seven eight"],"n":9,"ok":true}
{"id":"a b c d e g","q":"other","n":1}
`, NearOptions{})
	want := []NearGroup{{[]NearItem{{0, `"a b c d e f"`, 1, 1}, {1, `"g h i j k l"`, 0, 1}}}}
	if diff := cmp.Diff(want, report.Groups); diff != "" {
		t.Errorf("Near differs (-want +got):\n%s", diff)
	}
	if report.Items != 3 || report.Threshold != 0.8 {
		t.Errorf("Near compared %d items at %v, want 3 at 0.8", report.Items, report.Threshold)
	}
}

func TestNearRefuses(t *testing.T) {
	src := source("f", itemsOf("a", "b"))
	shape, err := Survey(context.Background(), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, threshold := range []float64{0.49, 1.01, -1, math.NaN()} {
		if _, err := Near(t.Context(), src, shape, NearOptions{Threshold: threshold}); err == nil {
			t.Errorf("Near at %v succeeded", threshold)
		}
	}
	for _, file := range []string{itemsOf("a"), itemsOf("a", "b", "c")} {
		if _, err := Near(t.Context(), source("f", file), shape, NearOptions{}); !errors.Is(err, errChanged) {
			t.Errorf("Near of another file = %v, want %v", err, errChanged)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Near(ctx, src, shape, NearOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Near when interrupted = %v, want %v", err, context.Canceled)
	}
}

// Of pairs at or above the threshold nearly all are found, and no other; what is said
// of a pair is so.
func TestNearRecall(t *testing.T) {
	for _, threshold := range []float64{0.5, 0.8, 0.95} {
		r := rand.New(rand.NewPCG(3, uint64(threshold*100)))
		var texts []string
		var words [][]string
		planted := map[[2]int]float64{}
		for range 2000 {
			a := vocabulary(r, 8+r.IntN(150))
			b := replaced(r, a, r.IntN(1+len(a)/8))
			i := len(texts)
			words = append(words, a, b)
			texts = append(texts, joined(a), joined(b))
			if s := similarity(a, b); s >= threshold {
				planted[[2]int{i, i + 1}] = s
			}
		}
		report := near(t, itemsOf(texts...), NearOptions{Threshold: threshold})
		found := 0
		for _, g := range report.Groups {
			if len(g.Items) != 2 {
				t.Fatalf("a group of %d items, want 2", len(g.Items))
			}
			a, b := g.Items[0], g.Items[1]
			want, ok := planted[[2]int{a.Row, b.Row}]
			if !ok || a.Similarity != want || b.Similarity != want || a.Like != b.Row || b.Like != a.Row {
				t.Errorf("at %v rows %d and %d are reported with %v, want %v", threshold, a.Row, b.Row, a.Similarity, similarity(words[a.Row], words[b.Row]))
			}
			found++
		}
		if found*100 < len(planted)*99 {
			t.Errorf("at %v %d of %d planted pairs were found, want 99 in 100", threshold, found, len(planted))
		}
		t.Logf("at %v: %d of %d", threshold, found, len(planted))
	}
}

// Items of one template are all alike: there are too many pairs to look at each, and the
// nearest are found all the same.
func TestNearCrowded(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	template := vocabulary(r, 100)
	var texts []string
	for range 3000 {
		texts = append(texts, joined(replaced(r, template, 3))) // any two have 81 of 111 shingles in common
	}
	planted := 0
	for i := 0; i < 3000; i += 10 {
		texts = append(texts, joined(replaced(r, strings.Fields(texts[i]), 2))) // 86 of 106
		planted++
	}
	found := 0
	for _, g := range near(t, itemsOf(texts...), NearOptions{}).Groups {
		if len(g.Items) != 2 || g.Items[1].Row != 3000+g.Items[0].Row/10 {
			t.Errorf("a group of %+v, want a planted pair", g.Items)
		}
		found++
	}
	if found*100 < planted*98 {
		t.Errorf("%d of %d planted pairs were found, want 98 in 100", found, planted)
	}
	t.Logf("%d of %d", found, planted)
}

// One large group: all belong to it, and each is said to be like one that it is like.
func TestNearOneGroup(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	template := vocabulary(r, 80)
	var texts []string
	for i := range 2000 {
		words := slices.Clone(template)
		words[40] = fmt.Sprint("number", i)
		texts = append(texts, joined(words))
	}
	report := near(t, itemsOf(texts...), NearOptions{})
	if len(report.Groups) != 1 || len(report.Groups[0].Items) != len(texts) {
		t.Fatalf("Near found %d groups, want one of %d items", len(report.Groups), len(texts))
	}
	for _, item := range report.Groups[0].Items {
		if want := 71.0 / 81; item.Similarity != want || item.Like == item.Row {
			t.Fatalf("row %d is like row %d with %v, want %v with another", item.Row, item.Like, item.Similarity, want)
		}
	}
}

func TestNearIsDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var texts []string
	for range 300 {
		a := vocabulary(r, 40)
		texts = append(texts, joined(a), joined(replaced(r, a, 1)), joined(replaced(r, a, 1)))
	}
	first := near(t, itemsOf(texts...), NearOptions{})
	for range 3 {
		if diff := cmp.Diff(first, near(t, itemsOf(texts...), NearOptions{})); diff != "" {
			t.Fatalf("Near differs from itself:\n%s", diff)
		}
	}
}

// A pass holds so many words at most; pairs that need more are verified in several.
func TestNearParts(t *testing.T) {
	n := &nearness{lengths: []uint32{most / 2, most / 2, most / 2, 1, most * 2, 1}}
	pairs := []pair{{0, 1}, {0, 2}, {0, 3}, {3, 5}, {4, 5}}
	var got []int
	for len(pairs) > 0 {
		part := n.part(pairs)
		got = append(got, part)
		pairs = pairs[part:]
	}
	if diff := cmp.Diff([]int{1, 1, 2, 1}, got); diff != "" {
		t.Errorf("parts differ (-want +got):\n%s", diff)
	}
}

// The share of equal bytes estimates the similarity of sets of any size.
func TestSignature(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var s signer
	for _, size := range []int{1, 2, 5, 20, 100, 1000} {
		for _, common := range []float64{0, 0.5, 0.9, 1} {
			sum, sets := 0.0, 100
			var real float64
			for range sets {
				a := make([]uint64, size)
				for i := range a {
					a[i] = r.Uint64()
				}
				b := slices.Clone(a)
				other := int(math.Round(float64(size) * (1 - common)))
				for i := range other {
					b[i] = r.Uint64()
				}
				x, y := s.sign(a), s.sign(b)
				sum += float64(x.matches(&y)) / signatureSize
				slices.Sort(a)
				slices.Sort(b)
				real = jaccard(a, b)
			}
			want := real + (1-real)/256
			if got := sum / float64(sets); math.Abs(got-want) > 0.05 {
				t.Errorf("sets of %d with similarity %.3f: %.3f of the bytes are equal, want %.3f", size, real, got, want)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 1000 {
		var a, b signature
		want := 0
		for i := range a {
			a[i] = byte(r.UintN(256))
			if b[i] = byte(r.UintN(3)); r.IntN(2) == 0 {
				b[i] = a[i]
			}
			if a[i] == b[i] {
				want++
			}
		}
		if got := a.matches(&b); got != want {
			t.Fatalf("matches = %d, want %d", got, want)
		}
	}
}

// A band is so wide that hardly a pair at the threshold shares none.
func TestBanding(t *testing.T) {
	rows := map[float64]int{}
	for _, threshold := range []float64{0.5, 0.6, 0.7, 0.8, 0.9, 1} {
		b := newBanding(threshold)
		rows[threshold] = b.rows
		if miss := math.Pow(1-math.Pow(threshold, float64(b.rows)), float64(signatureSize/b.rows)); miss > missed {
			t.Errorf("bands of %d rows miss %v at %v", b.rows, miss, threshold)
		}
	}
	if diff := cmp.Diff(map[float64]int{0.5: 3, 0.6: 3, 0.7: 4, 0.8: 6, 0.9: 8, 1: 8}, rows); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestShingleLengths(t *testing.T) {
	for _, tc := range []struct {
		words int
		want  []int
	}{
		{0, nil}, {1, []int{1}}, {19, []int{1}}, {20, []int{1, 2}}, {23, []int{1, 2}}, {25, []int{2}},
		{49, []int{2}}, {50, []int{2, 5}}, {61, []int{2, 5}}, {63, []int{5}}, {1000, []int{5}},
	} {
		if got := shingleLengths(tc.words, 0.8); !slices.Equal(got, tc.want) {
			t.Errorf("shingleLengths(%d) = %v, want %v", tc.words, got, tc.want)
		}
	}
	if got := shingleLengths(60, 0.5); !slices.Equal(got, []int{2, 5}) {
		t.Errorf("shingleLengths(60) at 0.5 = %v", got)
	}
}

// Whatever the text, it is taken apart without a panic, in the same words as by eye.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a b", `"quoted" \`, "\x00\x1f", "一二 三", "ไทย", "a\u00a0b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value := attest.AppendString(nil, s)
		words := newWording([]string{"text"}, "").words(nil, Row{Members: []Member{{Name: "text", Value: value}}})
		normal := strings.FieldsFunc(unquote(runeFolds{}.normalize(nil, value)), func(r rune) bool { return r == ' ' })
		n := 0
		for _, word := range normal {
			plain := false
			for _, r := range word {
				if unspaced(r) {
					n++
					plain = false
				} else if !plain {
					n++
					plain = true
				}
			}
		}
		if len(words) != n {
			t.Errorf("%q has %d words, want %d", s, len(words), n)
		}
	})
}

// benchmarkFile has n items of 600 bytes, of which one in fifty is nearly its neighbour.
func benchmarkFile(n int) string {
	r := rand.New(rand.NewPCG(15, 16))
	lexicon := make([]string, 20_000)
	for i := range lexicon {
		word := make([]byte, 2+r.IntN(9))
		for j := range word {
			word[j] = 'a' + byte(r.IntN(26))
		}
		lexicon[i] = string(word)
	}
	var b strings.Builder
	var before []string
	for i := range n {
		var words []string
		for size := 0; size < 570; size += len(words[len(words)-1]) + 1 {
			words = append(words, lexicon[int(float64(len(lexicon))*math.Pow(r.Float64(), 3))])
		}
		if i%50 == 49 {
			words = replaced(r, before, 1)
		}
		before = words
		fmt.Fprintf(&b, `{"id":%d,"text":"%s"}`+"\n", i, joined(words))
	}
	return b.String()
}

func BenchmarkNear(b *testing.B) {
	const n = 20_000
	file := benchmarkFile(n)
	src := source("f", file)
	shape, err := Survey(b.Context(), src, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		report, err := Near(b.Context(), src, shape, NearOptions{})
		if err != nil || len(report.Groups) < n/50 {
			b.Fatalf("Near found %d groups, %v", len(report.Groups), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/item")
}
