package hub

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

func TestDraw(t *testing.T) {
	pieces := []model.Piece{{Size: 900}, {Size: 0}, {Size: 90}, {Size: 10}}
	counts := make([]int, len(pieces))
	const rounds = 4000
	for i := range rounds {
		chosen, err := Draw(attest.Hash{byte(i), byte(i >> 8)}, 1, pieces)
		if err != nil || len(chosen) != 1 {
			t.Fatalf("Draw = %v, %v", chosen, err)
		}
		counts[chosen[0]]++
	}
	for i, p := range pieces {
		want := rounds * float64(p.Size) / 1000
		if d := float64(counts[i]) - want; math.Abs(d) > 5*math.Sqrt(want)+0.5 {
			t.Errorf("piece %d of %d bytes was drawn %d times of %d, want about %.0f", i, p.Size, counts[i], rounds, want)
		}
	}
	// A known answer: computed from the definition with Python's hashlib.
	chosen, err := Draw(attest.Hash{1}, 5, []model.Piece{{Size: 10}, {Size: 10}, {Size: 10}, {Size: 10}, {Size: 10}, {Size: 10}, {Size: 10}, {Size: 10}})
	if diff := cmp.Diff(knownDraw, chosen); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, test := range []struct {
		draws  int
		pieces []model.Piece
	}{{0, pieces}, {MaxDraws + 1, pieces}, {1, nil}, {1, []model.Piece{{Size: 0}}}, {1, []model.Piece{{Size: 1 << 63}, {Size: 1 << 63}}}} {
		if got, err := Draw(attest.Hash{}, test.draws, test.pieces); err == nil {
			t.Errorf("Draw(%d, %v) = %v, want an error", test.draws, test.pieces, got)
		}
	}
}

func TestSparse(t *testing.T) {
	size := func(n uint64) *uint64 { return &n }
	s, err := NewSparse([]File{{Path: "a/b", Size: size(10)}, {Path: "a/c", Size: size(0)}, {Path: "d", Size: size(4)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		at   int64
		text string
	}{{5, "56789"}, {0, "0123"}, {3, "345"}} {
		if err := s.Add("a/b", r.at, int64(len(r.text)), strings.NewReader(r.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add("d", 0, 4, strings.NewReader("data")); err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(s, "a/b"); err != nil || string(got) != "0123456789" {
		t.Errorf("a/b is %q, %v", got, err)
	}
	if err := fstest.TestFS(walkable{s}, "a/b", "a/c", "d"); err != nil {
		t.Error(err)
	}
	for _, r := range []struct {
		name     string
		at, size int64
	}{{"x", 0, 1}, {"d", 0, 5}, {"d", 5, 0}, {"d", -1, 1}, {"d", 2, math.MaxInt64}} {
		if err := s.Add(r.name, r.at, r.size, strings.NewReader("")); err == nil {
			t.Errorf("Add(%q, %d, %d) was taken", r.name, r.at, r.size)
		}
	}
	part, err := NewSparse([]File{{Path: "a", Size: size(10)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Add("a", 0, 4, strings.NewReader("0123")); err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(part, "a"); err == nil || !strings.Contains(err.Error(), "from 4 on were not saved") {
		t.Errorf("a is %q, %v; want an error about what was not saved", got, err)
	}
	if at, n := part.Missing("a", 1, 6); at != 4 || n != 3 {
		t.Errorf("Missing = %d, %d; want 4, 3", at, n)
	}
	part.Fetch = func(_ string, offset, n int64) ([]byte, error) { return []byte("0123456789")[offset : offset+n], nil }
	if got, err := fs.ReadFile(part, "a"); err != nil || string(got) != "0123456789" {
		t.Errorf("a is %q, %v", got, err)
	}
}

// walkable opens folders too, which fstest wants and nobody else.
type walkable struct{ *Sparse }

func (w walkable) Open(name string) (fs.File, error) {
	if entries, err := w.ReadDir(name); err == nil {
		return &folder{entries: entries, name: name}, nil
	}
	return w.Sparse.Open(name)
}

type folder struct {
	entries []fs.DirEntry
	name    string
}

func (f *folder) Stat() (fs.FileInfo, error) { return sparseDir(f.name), nil }
func (f *folder) Read([]byte) (int, error)   { return 0, io.EOF }
func (f *folder) Close() error               { return nil }
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	out := f.entries
	if n > 0 && len(out) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(out) {
		out = out[:n]
	}
	f.entries = f.entries[len(out):]
	return out, nil
}

const about = `{"format":"proctor-hub-sample/v1","endpoint":"https://hub.example","repo":"lab/tiny","revision":"` + commit + `","fetched":"2026-11-25T12:00:00Z","seed":"` + sumA + `","draws":3}`

// zipped makes a zip of names and contents.
func zipped(method uint16, parts ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: parts[i], Method: method})
		if err != nil {
			panic(err)
		}
		io.WriteString(w, parts[i+1])
	}
	z.Close()
	return b.Bytes()
}

func TestOpenSavedRefuses(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(about, old, new, 1) }
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"no zip":           {[]byte("PK\x03\x04 and no more"), "not a saved sample"},
		"nothing":          {zipped(zip.Store), "is not there"},
		"no listing":       {zipped(zip.Store, "sample.json", about), "is not there"},
		"no sample":        {zipped(zip.Store, "listing.json", modelAnswer), "is not there"},
		"a zip bomb":       {zipped(zip.Deflate, "listing.json", modelAnswer, "sample.json", about), "is compressed"},
		"twice":            {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "0/0", "a", "0/0", "b"), "twice"},
		"other format":     {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace("/v1", "/v2")), "format is"},
		"branch":           {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace(commit, "main")), "want a commit"},
		"another commit":   {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace(commit, strings.Repeat("ab", 20))), "the listing is of commit"},
		"no draws":         {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace(`"draws":3`, `"draws":0`)), "0 draws"},
		"other repository": {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace("lab/tiny", "../tiny")), "hf:ORG/NAME"},
		"a member twice":   {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", replace(`"draws":3`, `"draws":3,"draws":4`)), "duplicate"},
		"a stray part":     {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "x", ""), "not the name of a part"},
		"no such file":     {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "2/0", ""), "not the name of a part"},
		"spelt otherwise":  {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "00/0", ""), "not the name of a part"},
		"before the start": {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "0/-1", ""), "beyond its end"},
		"beyond the end":   {zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "0/10", "12345678901"), "beyond its end"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenSaved(bytes.NewReader(test.data), int64(len(test.data)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("OpenSaved = %v, %v; want an error with %q", s, err, test.want)
			}
		})
	}
}

// A sample of which a part was taken out cannot be checked; it is not another model.
func TestCheckIncomplete(t *testing.T) {
	data := zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about)
	s, err := OpenSaved(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Check(t.Context(), &model.Model{}); err == nil || !strings.Contains(err.Error(), "were not saved") {
		t.Errorf("Check = %v, %v; want an error about what was not saved", found, err)
	}
}

func FuzzOpenSaved(f *testing.F) {
	f.Add(zipped(zip.Store, "listing.json", modelAnswer, "sample.json", about, "0/0", "{}", "1/0", "\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := OpenSaved(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		s.Check(t.Context(), &model.Model{})
	})
}

func ExampleMissed() {
	fmt.Printf("%.3f\n", Missed(0.02, 149))
	// Output: 0.049
}

var knownDraw = []int{0, 1, 4, 5}
