package testset

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proctor-attest/proctor/attest"
)

const arithmetic = `{"id":"a","prompt":{"text":"2+2?"},"answer":4}
{"id":"b","prompt":{"text":"Capital of France?"},"answer":"Paris"}
{"id":"c","prompt":{"text":"None?"}}
{"id":4,"prompt":"7*6?","answer":42}
{"id":"é","prompt":["x\n",null],"answer":""}
`

func opening(t testing.TB, s *Store, indexes []uint64, fields []string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Open(context.Background(), &b, indexes, fields); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpeningRoundTrip(t *testing.T) {
	v, s := mustStore(t, source("f", arithmetic), Options{})
	if diff := cmp.Diff(v.Set, s.Set()); diff != "" {
		t.Fatalf("store opens another set: %s", diff)
	}
	for _, fields := range [][]string{nil, {"prompt"}, {"answer", "id"}, {}} {
		for mask := 1; mask < 1<<5; mask++ {
			var indexes []uint64
			for i := range uint64(5) {
				if mask>>i&1 == 1 {
					indexes = append(indexes, 4-i)
				}
			}
			got, err := ReadOpening(bytes.NewReader(opening(t, s, indexes, fields)), v.Set, OpeningConfig{})
			if err != nil {
				t.Fatalf("opening of %v, %q: %v", indexes, fields, err)
			}
			slices.Sort(indexes)
			var want []OpenedItem
			for _, i := range indexes {
				stored, err := s.Item(i)
				if err != nil {
					t.Fatal(err)
				}
				item := OpenedItem{Index: i, Leaf: v.Leaves[i], Key: stored.Key, Fields: map[string][]byte{}}
				for _, f := range v.Fields {
					if fields == nil || slices.Contains(fields, f) {
						item.Fields[f] = append([]byte{}, stored.Fields[f]...)
					}
				}
				want = append(want, item)
			}
			if diff := cmp.Diff(&Opening{Opened: uint64(len(indexes)), Items: want}, got); diff != "" {
				t.Fatalf("opening of %v, %q (-want +got):\n%s", indexes, fields, diff)
			}
		}
	}
}

func TestOpeningKeep(t *testing.T) {
	v, s := mustStore(t, source("f", arithmetic), Options{})
	data := opening(t, s, []uint64{0, 2, 3}, nil)
	for _, keep := range [][]string{{}, {"answer"}} {
		got, err := ReadOpening(bytes.NewReader(data), v.Set, OpeningConfig{Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range got.Items {
			if len(item.Fields) != len(keep) {
				t.Errorf("keep %q: got %q", keep, item.Fields)
			}
		}
	}
	if _, err := ReadOpening(bytes.NewReader(data), v.Set, OpeningConfig{MaxBytes: 10}); err == nil {
		t.Error("more than MaxBytes were kept")
	}
	if _, err := ReadOpening(bytes.NewReader(data), v.Set, OpeningConfig{MaxLine: 300}); err == nil {
		t.Error("a line longer than MaxLine was read")
	}
	stop := errors.New("enough")
	if _, err := ScanOpening(bytes.NewReader(data), v.Set, OpeningConfig{}, func(OpenedItem) error { return stop }); err != stop {
		t.Errorf("error of visit: got %v", err)
	}
}

func TestPeekOpening(t *testing.T) {
	v, s := mustStore(t, source("f", arithmetic), Options{})
	said, opened, err := PeekOpening(bytes.NewReader(opening(t, s, []uint64{1, 4}, nil)))
	if diff := cmp.Diff(v.Set, said); diff != "" || opened != 2 || err != nil {
		t.Errorf("got %d items of %v, %v", opened, said, err)
	}
}

// tamper changes the parsed lines of an opening and writes them canonically, so
// that nothing but the change can be what is refused.
func tamper(t *testing.T, data []byte, change func(lines []map[string]any) []map[string]any) []byte {
	t.Helper()
	var lines []map[string]any
	for line := range bytes.Lines(data) {
		var l map[string]any
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	var out []byte
	for _, l := range change(lines) {
		line, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if line, err = attest.Canonicalize(line); err != nil {
			t.Fatal(err)
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

func TestTamperedOpening(t *testing.T) {
	v, s := mustStore(t, source("f", arithmetic), Options{})
	data := opening(t, s, []uint64{1, 3}, nil)
	type lines = []map[string]any
	field := func(l lines, name string) map[string]any {
		return l[1]["fields"].(map[string]any)[name].(map[string]any)
	}
	other := strings.Repeat("00", 32)
	for _, test := range []struct {
		name     string
		change   func(lines) lines
		mismatch bool
		want     string
	}{
		{"nothing", func(l lines) lines { return l }, false, ""},
		{"salt", func(l lines) lines { field(l, "answer")["salt"] = other; return l }, true, "salt and bytes do not give the commitment"},
		{"bytes", func(l lines) lines { field(l, "prompt")["bytes"] = "IngiCg=="; return l }, true, `field "prompt": salt and bytes do not give the commitment`},
		{"no bytes", func(l lines) lines { field(l, "prompt")["bytes"] = ""; return l }, true, "salt and bytes do not give the commitment"},
		{"field renamed", func(l lines) lines {
			f := l[1]["fields"].(map[string]any)
			f["answer"], f["prompt"] = f["prompt"], f["answer"]
			return l
		}, true, "salt and bytes do not give the commitment"},
		{"commitment of a closed field", func(l lines) lines {
			delete(l[1]["fields"].(map[string]any), "prompt")
			l[1]["commitments"].([]any)[1] = other
			return l
		}, true, "opened leaves lead to root"},
		{"commitments swapped", func(l lines) lines {
			c := l[1]["commitments"].([]any)
			c[0], c[1] = c[1], c[0]
			l[1]["fields"] = map[string]any{}
			return l
		}, true, "opened leaves lead to root"},
		{"commitment missing", func(l lines) lines { l[1]["commitments"] = l[1]["commitments"].([]any)[1:]; return l }, true, "2 commitments, want one for each of 3 fields"},
		{"index", func(l lines) lines { l[1]["index"] = 0; return l }, true, "opened leaves lead to root"},
		{"index outside", func(l lines) lines { l[2]["index"] = 5; return l }, true, "index 5 is outside a tree of 5"},
		{"order", func(l lines) lines { l[1], l[2] = l[2], l[1]; return l }, false, "index 1 follows 3"},
		{"item twice", func(l lines) lines { l[0]["opened"] = 3; return append(l, l[2]) }, false, "index 3 follows 3"},
		{"item dropped", func(l lines) lines { l[0]["opened"] = 1; return l[:2] }, true, "opened leaves lead to root"},
		{"item dropped silently", func(l lines) lines { return l[:2] }, false, "line 3: the opening ends too early"},
		{"item added", func(l lines) lines { return append(l, l[2]) }, false, "more than the 2 items"},
		{"hash added", func(l lines) lines { l[0]["proof"] = addHash(l[0]["proof"].(string), 1); return l }, true, "multiproof has 1 hashes too many"},
		{"hash dropped", func(l lines) lines { l[0]["proof"] = addHash(l[0]["proof"].(string), -1); return l }, true, "multiproof ends before"},
		{"half a hash", func(l lines) lines { l[0]["proof"] = "AAAA"; return l }, false, "skeleton has 3 bytes"},
		{"root", func(l lines) lines { l[0]["root"] = other; return l }, false, "opening: is of 5 items with root 0000"},
		{"size", func(l lines) lines { l[0]["size"] = 6; return l }, false, "opening: is of 6 items"},
		{"set", func(l lines) lines { l[0]["setID"] = other; return l }, false, "opening: is of set 0000"},
		{"fields", func(l lines) lines { l[0]["fields"] = []string{"id", "answer", "prompt"}; return l }, false, "opening: has fields"},
		{"fields twice", func(l lines) lines { l[0]["fields"] = []string{"id", "id", "prompt"}; return l }, false, `field "id" is named twice`},
		{"nothing opened", func(l lines) lines { l[0]["opened"] = 0; return l[:1] }, false, "0 items are opened of 5"},
		{"unknown member", func(l lines) lines { l[1]["note"] = 1; return l }, false, "line 2: a member is missing, unknown or out of range"},
		{"unknown header", func(l lines) lines { l[0]["note"] = 1; return l }, false, "line 1: a member is missing, unknown or out of range"},
		{"member missing", func(l lines) lines { delete(l[1], "rev"); return l }, false, "line 2: a member is missing"},
		{"undeclared field", func(l lines) lines {
			f := l[1]["fields"].(map[string]any)
			f["extra"] = f["answer"]
			return l
		}, false, "line 2: a member is missing, unknown"},
		{"key a float", func(l lines) lines { l[1]["key"] = 1.5; return l }, false, "line 2: a key is a string or an integer"},
		{"key twice", func(l lines) lines { l[1]["key"] = l[2]["key"]; return l }, false, "is opened twice"},
		{"upper-case salt", func(l lines) lines {
			f := field(l, "answer")
			f["salt"] = strings.ToUpper(f["salt"].(string))
			return l
		}, false, "not lower-case hex"},
	} {
		changed := tamper(t, data, test.change)
		got, err := ReadOpening(bytes.NewReader(changed), v.Set, OpeningConfig{})
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		_, mismatch := errors.AsType[*MismatchError](err)
		if err == nil || got != nil || mismatch != test.mismatch || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v (mismatch %v), want %q (%v)", test.name, err, mismatch, test.want, test.mismatch)
		}
	}
}

func addHash(proof string, n int) string {
	b, _ := base64.StdEncoding.DecodeString(proof)
	if n < 0 {
		b = b[:len(b)-32]
	} else {
		b = append(b, make([]byte, 32)...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Every byte of an opening matters, but those that are not bound.
func TestFlippedOpening(t *testing.T) {
	v, s := mustStore(t, source("f", arithmetic), Options{})
	data := opening(t, s, []uint64{2}, nil)
	key := bytes.Index(data, []byte(`,"key":`))
	for i := range data {
		if i > key && bytes.IndexByte(data[key:], '\n') > i-key {
			continue
		}
		for _, bit := range []byte{1, 0x20, 0x80} {
			flipped := bytes.Clone(data)
			flipped[i] ^= bit
			if _, err := ReadOpening(bytes.NewReader(flipped), v.Set, OpeningConfig{}); err == nil {
				t.Fatalf("byte %d changed to %q: accepted", i, flipped[i])
			}
		}
	}
	for n := range data {
		if _, err := ReadOpening(bytes.NewReader(data[:n]), v.Set, OpeningConfig{}); err == nil {
			t.Fatalf("cut at %d: accepted", n)
		}
	}
	for _, again := range []string{
		strings.Replace(string(data), `"size"`, ` "size"`, 1),
		strings.Replace(string(data), `"rev":0`, `"rev":0,"rev":0`, 1),
		strings.Replace(string(data), `"rev":0`, `"Rev":0`, 1),
		strings.Replace(string(data), `"rev":0`, `"rev":0.0`, 1),
		strings.Replace(string(data), "\n", "\r\n", 1),
		string(data) + "\n",
	} {
		if _, err := ReadOpening(strings.NewReader(again), v.Set, OpeningConfig{}); err == nil {
			t.Errorf("another spelling was accepted: %s", again)
		}
	}
}

// committed makes an opening of one item whose bytes no store would commit to.
func committed(t *testing.T, value string) ([]byte, Set) {
	t.Helper()
	fields := []string{"a"}
	salt := attest.Hash{1}
	c := []attest.Hash{attest.CommitField(salt, "a", []byte(value))}
	set := Set{ID: ID("i", "n"), Fields: fields, Size: 1, Root: attest.Root([]attest.Hash{ItemLeaf(c)})}
	data := openingHeader{Fields: fields, Opened: 1, Root: set.Root, SetID: set.ID, Size: 1}.append(nil)
	line := itemLine{Commitments: c, Fields: map[string]openedField{"a": {Bytes: []byte(value), Salt: salt}}, Key: json.RawMessage("0")}
	return line.append(data, fields, []int{0}), set
}

func TestOpenedBytes(t *testing.T) {
	for _, test := range []struct {
		value string
		lints int
		bad   bool
	}{
		{"", 0, false}, {"1", 0, false}, {"null", 0, false}, {`{"a":1,"b":2}`, 0, false},
		{`{"b":2,"a":1}`, 1, false}, {" 1", 1, false}, {"1.0", 1, false}, {`"\u0061"`, 1, false},
		{`{"a":1,"a":1}`, 0, true}, {"9007199254740993", 0, true}, {"\"\xff\"", 0, true}, {`"\ud800"`, 0, true}, {"1 1", 0, true}, {" ", 0, true},
	} {
		data, set := committed(t, test.value)
		got, err := ReadOpening(bytes.NewReader(data), set, OpeningConfig{})
		if test.bad {
			if _, ok := errors.AsType[*MismatchError](err); !ok {
				t.Errorf("%q: got %v, want a MismatchError", test.value, err)
			}
			continue
		}
		if err != nil || len(got.Lints) != test.lints || string(got.Items[0].Fields["a"]) != test.value {
			t.Errorf("%q: got %+v, %v, want %d lints", test.value, got, err, test.lints)
		}
	}
}

// More commitments than an item can have must not get as far as its hash.
func TestOpeningManyCommitments(t *testing.T) {
	data, set := committed(t, "1")
	many := `"commitments":["` + strings.Repeat(strings.Repeat("0", 64)+`","`, 1<<16) + strings.Repeat("0", 64) + `"]`
	at, end := bytes.Index(data, []byte(`"commitments":`)), bytes.Index(data, []byte(`,"fields":{`))
	data = slices.Concat(data[:at], []byte(many), data[end:])
	if _, err := ReadOpening(bytes.NewReader(data), set, OpeningConfig{}); err == nil {
		t.Error("65,537 commitments were accepted")
	}
}

// What stood in an older version's store is told from damage.
func TestStoreVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	if _, err := CreateStore(dir, testSecret, func(w io.Writer) (*Version, error) {
		return Commit(context.Background(), source("f", "{}"), Shape{Fields: []string{"a"}, Rows: 1}, config(), w)
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, descriptionFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"version":2`), []byte(`"version":1`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(dir); err == nil || !strings.Contains(err.Error(), "the store has version 1, this Proctor reads 2") {
		t.Errorf("got %v", err)
	}
}

// A tree that is damaged where no check at opening looks is noticed by what uses it.
func TestNextReadsTheWholeTree(t *testing.T) {
	_, s := mustStore(t, source("f", arithmetic), Options{})
	path := s.nodes.Name()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{1, 2, 3}, 40); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(context.Background(), Change{Retire: []Key{`"a"`}}, io.Discard); err == nil || !strings.Contains(err.Error(), "the leaves have root") {
		t.Errorf("Next over a damaged leaf: %v", err)
	}
}

func TestStoreFind(t *testing.T) {
	v, s := mustStore(t, synthetic(300), Options{})
	for i := range v.Size {
		k := key(t, s, i)
		got, err := s.Find(k)
		if err != nil || !slices.Equal(got, []uint64{i}) {
			t.Fatalf("Find(%s) = %v, %v, want %d", k, got, err, i)
		}
	}
	for _, key := range []Key{`"item-0000300"`, `"item-0000301"`, `"item-0000302"`, "17", `""`} {
		if got, err := s.Find(key); err != nil || got != nil {
			t.Errorf("Find(%s) = %v, %v", key, got, err)
		}
	}
}

func TestStoreOpenRefusals(t *testing.T) {
	_, s := mustStore(t, source("f", arithmetic), Options{})
	for _, test := range []struct {
		indexes []uint64
		fields  []string
		want    string
	}{
		{nil, nil, "no items to open"},
		{[]uint64{5}, nil, "index 5 is outside"},
		{[]uint64{1, 1}, nil, "without repeats"},
		{[]uint64{1}, []string{"rubric"}, `no field "rubric"`},
	} {
		var b bytes.Buffer
		if err := s.Open(context.Background(), &b, test.indexes, test.fields); err == nil || !strings.Contains(err.Error(), test.want) || b.Len() > 0 {
			t.Errorf("Open(%v, %q): got %v, want %q", test.indexes, test.fields, err, test.want)
		}
	}
}

// A damaged store is noticed when it is opened, or when it opens what is damaged.
func TestDamagedStore(t *testing.T) {
	make := func() (string, *Version) {
		dir := filepath.Join(t.TempDir(), "set")
		v, err := CreateStore(dir, testSecret, func(w io.Writer) (*Version, error) {
			shape, err := Survey(context.Background(), source("f", arithmetic), Options{})
			if err != nil {
				return nil, err
			}
			return Commit(context.Background(), source("f", arithmetic), shape, config(), w)
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir, v
	}
	for _, name := range []string{descriptionFile, secretFile, itemsFile, indexFile, treeFile, bitmapFile} {
		dir, v := make()
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s has mode %o", name, mode)
		}
		for i := range whole {
			if name == itemsFile && whole[i] == '\n' {
				continue // white space in our own file is no damage
			}
			damaged := bytes.Clone(whole)
			damaged[i] ^= 0x01
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := openAll(dir, v.Set); err == nil && !unboundRecordByte(name, whole, i) {
				t.Errorf("%s: byte %d changed from %q: everything opened all the same", name, i, whole[i])
			}
		}
		for _, n := range []int{0, 1, len(whole) - 1} {
			if n > 0 && (n == len(whole) || name == itemsFile && n > 1) {
				continue // nothing is cut, or a newline
			}
			if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := openAll(dir, v.Set); err == nil {
				t.Errorf("%s: cut to %d bytes: everything opened all the same", name, n)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := openAll(dir, v.Set); err == nil {
			t.Errorf("%s: removed: everything opened all the same", name)
		}
	}
}

// unboundRecordByte is the revision in a record and the name of the key member
// in set.json, which are there for people and the next commit; and the name of a
// set of which the ID is kept is none of them.
func unboundRecordByte(name string, whole []byte, i int) bool {
	switch name {
	case itemsFile:
		return bytes.HasSuffix(whole[:i], []byte(`"rev":`))
	case descriptionFile:
		at := bytes.Index(whole, []byte(`"key":"`)) + len(`"key":"`)
		return i >= at && i < at+len("id")
	}
	return false
}

func openAll(dir string, set Set) error {
	s, err := OpenStore(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	// Together they are opened without a node of the tree, alone with all of them.
	for _, indexes := range [][]uint64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}} {
		var b bytes.Buffer
		if err := s.Open(context.Background(), &b, indexes, nil); err != nil {
			return err
		}
		if _, err = ReadOpening(&b, set, OpeningConfig{}); err != nil {
			panic("an opening that does not hold was written: " + err.Error())
		}
	}
	return nil
}

func TestCreateStoreIsAtomic(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "set")
	boom := errors.New("boom")
	if _, err := CreateStore(dir, testSecret, func(io.Writer) (*Version, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if _, err := CreateStore(dir, testSecret, func(io.Writer) (*Version, error) { return nil, nil }); err == nil {
		t.Error("a store of nothing was created")
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateStore(dir, testSecret, func(io.Writer) (*Version, error) { panic("committed over a store") }); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v, want %v", err, os.ErrExist)
	}
}

// The example in the package comment is an opening.
func TestDocExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var example []byte
	for line := range bytes.Lines(doc) {
		if line, ok := bytes.CutPrefix(line, []byte("//\t{")); ok {
			example = append(append(example, '{'), line...)
		}
	}
	v, s := mustStore(t, source("f", `{"prompt":"2+2?","answer":4}`+"\n"+`{"prompt":"1+1?"}`+"\n"+`{"prompt":"7*6?","answer":42}`+"\n"), Options{})
	if want := opening(t, s, []uint64{1}, []string{"answer"}); !bytes.Equal(example, want) {
		t.Errorf("doc.go has\n%swant\n%s", example, want)
	}
	if _, err := ReadOpening(bytes.NewReader(example), v.Set, OpeningConfig{}); err != nil {
		t.Error(err)
	}
}

func FuzzReadOpening(f *testing.F) {
	v, s := mustStore(f, source("f", arithmetic), Options{})
	f.Add(opening(f, s, []uint64{0, 1, 2, 3, 4}, nil))
	f.Add(opening(f, s, []uint64{2}, []string{"prompt"}))
	f.Add(opening(f, s, []uint64{0, 4}, []string{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		PeekOpening(bytes.NewReader(data))
		// Whatever version the file names, to get beyond its first line.
		set, _, err := PeekOpening(bytes.NewReader(data))
		if err == nil {
			ReadOpening(bytes.NewReader(data), set, OpeningConfig{})
		}
		got, err := ReadOpening(bytes.NewReader(data), v.Set, OpeningConfig{})
		if err != nil {
			return
		}
		for _, item := range got.Items {
			if item.Leaf != v.Leaves[item.Index] {
				t.Fatalf("item %d has leaf %s, want %s", item.Index, item.Leaf, v.Leaves[item.Index])
			}
		}
	})
}
