package testset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/proctor-attest/proctor/attest"
)

func TestSurvey(t *testing.T) {
	for _, test := range []struct {
		name, file string
		opt        Options
		want       Shape
	}{
		{"row number", `{"q":1}` + "\n" + `{"a":2,"q":3}`, Options{}, Shape{Fields: []string{"q", "a"}, Rows: 2}},
		{"id before key", `{"key":1,"id":"x"}`, Options{}, Shape{Key: "id", Fields: []string{"key", "id"}, Rows: 1}},
		{"id twice", `{"key":1,"id":"x"}` + "\n" + `{"key":2,"id":"x"}`, Options{},
			Shape{Key: "key", Fields: []string{"key", "id"}, Rows: 2, Passed: []string{`f: line 2 (row 1), member "id", byte 33: key "x" is also that of row 0 (line 1); make keys unique, or name another key member (17 and "17" are one key)`}}},
		{"id absent", `{"id":1,"task_id":1}` + "\n" + `{"task_id":2}`, Options{},
			Shape{Key: "task_id", Fields: []string{"id", "task_id"}, Rows: 2, Passed: []string{`f: line 2 (row 1), member "id", byte 21: a key is a string or an integer, this one is absent; give every row a string or an integer there, or name another key member`}}},
		{"float id", `{"id":1.5,"question_id":100}`, Options{},
			Shape{Key: "question_id", Fields: []string{"id", "question_id"}, Rows: 1, Passed: []string{`f: line 1 (row 0), member "id", byte 6: a key is a string or an integer, not 1.5; give every row a string or an integer there, or name another key member`}}},
		{"declared", `{"id":1,"q":1,"a":2}`, Options{Key: "q", Fields: []string{"a", "q"}}, Shape{Key: "q", Fields: []string{"a", "q"}, Rows: 1}},
	} {
		got, err := Survey(context.Background(), source("f", test.file), test.opt)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(Shape{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSurveyRefusals(t *testing.T) {
	many := make([]string, MaxFields+1)
	wide := []string{}
	for i := range many {
		many[i] = fmt.Sprint(i)
		wide = append(wide, fmt.Sprintf(`"%d":1`, i))
	}
	for _, test := range []struct {
		name, file string
		opt        Options
		want       string
	}{
		{"duplicate key", `{"k":"1"}` + "\n\n" + `{"k":1}`, Options{Key: "k"}, `f: line 3 (row 1), member "k", byte 16: key 1 is also that of row 0 (line 1)`},
		{"absent key", `{"k":"1"}` + "\n" + `{}`, Options{Key: "k"}, `f: line 2 (row 1), member "k", byte 10: a key is a string or an integer, this one is absent`},
		{"null key", `{"k":null}`, Options{Key: "k"}, "not null"},
		{"float key", `{"k":0.5}`, Options{Key: "k"}, "not 0.5"},
		{"exponent key", `{"k":1e300}`, Options{Key: "k"}, "not 1e+300"},
		{"list key", `{"k":["a"]}`, Options{Key: "k"}, `not ["a"]`},
		{"long key", `{"k":"` + strings.Repeat("k", MaxKey+1) + `"}`, Options{Key: "k"}, "a key has at most 1024 bytes, this one 1025"},
		{"unknown field", `{"k":1}`, Options{Fields: []string{"k", "kk"}}, `f: no row has a member "kk", which is declared as a field`},
		{"field twice", `{"k":1}`, Options{Fields: []string{"k", "k"}}, `field "k" is declared twice`},
		{"no fields", `{"k":1}`, Options{Fields: []string{}}, "no members to commit to"},
		{"many declared", `{"k":1}`, Options{Fields: many}, "1025 fields are declared, more than 1024"},
		{"many members", "{" + strings.Join(wide, ",") + "}", Options{}, `member "1024"`},
		{"long name", `{"` + strings.Repeat("n", MaxName+1) + `":1}`, Options{}, "the name has 1025 bytes, more than 1024; shorten it"},
	} {
		_, err := Survey(context.Background(), source("f", test.file), test.opt)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestCommitRefusals(t *testing.T) {
	src := source("f", `{"k":1}`+"\n"+`{"k":2}`)
	shape, err := Survey(context.Background(), src, Options{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*Source, *Shape, *Config)
		want   string
	}{
		{"no secret", func(_ *Source, _ *Shape, c *Config) { c.Secret = Secret{} }, "the secret is all zeros"},
		{"no issuer", func(_ *Source, _ *Shape, c *Config) { c.Issuer = "" }, `issuer ""`},
		{"name not UTF-8", func(_ *Source, _ *Shape, c *Config) { c.Name = "\xff" }, `test set name "\xff"`},
		{"no fields", func(_ *Source, s *Shape, _ *Config) { s.Fields = nil }, "no fields"},
		{"other bytes", func(s *Source, _ *Shape, _ *Config) { *s = source("f", `{"k":1}`+"\n"+`{"k":3}`) }, "f: the file changed between the two passes"},
		{"fewer rows", func(s *Source, _ *Shape, _ *Config) { *s = source("f", `{"k":1}`) }, "f: the file changed between the two passes"},
		{"more rows", func(s *Source, _ *Shape, _ *Config) { *s = source("f", `{"k":1}`+"\n"+`{"k":2}`+"\n"+`{"k":3}`) }, "f: the file changed between the two passes"},
		{"key twice", func(s *Source, h *Shape, _ *Config) {
			*s, *h = source("f", `{"k":1,"v":1}`+"\n"+`{"k":"1","v":2}`), Shape{Key: "k", Fields: []string{"v"}, Rows: 2}
		}, `f: rows 0 and 1 have the same key`},
	} {
		s, h, c := src, shape, config()
		test.change(&s, &h, &c)
		_, err := Commit(context.Background(), s, h, c, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Commit(ctx, src, shape, config(), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled commit: got %v", err)
	}
}

func TestDuplicates(t *testing.T) {
	src := source("f", strings.Join([]string{
		`{"id":1,"q":"What  is\u00a02+2? "}`,
		`{"id":2,"q":["Straße","ﬁ"]}`,
		`{"id":3,"q":"what is 2+2?"}`,
		`{"id":4,"q":["STRASSE","fi"]}`,
		`{"id":5,"q":{"A":"x"}}`,
		`{"id":6,"q":{"a":"x"}}`,
		`{"id":7,"q":4}`,
		`{"id":8,"q":"4"}`,
		`{"id":9,"q":"\tWHAT IS ２+2?\n"}`,
		`{"id":10}`,
		`{"id":11,"q":""}`,
		`{"id":12,"q":null}`,
	}, "\n"))
	_, err := commit(t, src, Options{}, config())
	dup, ok := errors.AsType[*DuplicatesError](err)
	if !ok {
		t.Fatalf("got %v, want a DuplicatesError", err)
	}
	if diff := cmp.Diff([][]uint64{{0, 2, 8}, {1, 3}}, dup.Groups); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got, want := err.Error(), "f: items that occur more than once, case, width and white space set aside: rows 0 2 8; rows 1 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cfg := config()
	cfg.AllowDuplicates = true
	v, err := commit(t, src, Options{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]bool{}
	for _, group := range v.Duplicates {
		if !slices.IsSorted(group) {
			t.Errorf("group %v does not ascend", group)
		}
		rows[len(group)] = true
	}
	if len(v.Duplicates) != 2 || !rows[3] || !rows[2] {
		t.Errorf("duplicates are %v", v.Duplicates)
	}
	// Nothing but keys is declared: all items would look alike.
	if _, err := commit(t, src, Options{Fields: []string{"id"}}, config()); err != nil {
		t.Errorf("only the key declared: %v", err)
	}
}

func TestCommitIsDeterministic(t *testing.T) {
	src := synthetic(500)
	a, b := mustCommit(t, src, Options{}), mustCommit(t, src, Options{})
	if diff := cmp.Diff(a.Leaves, b.Leaves); diff != "" || a.Root != b.Root || a.Active != b.Active {
		t.Errorf("two commits differ: %s", diff)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Secret[0]++ },
		func(c *Config) { c.Name += "2" },
		func(c *Config) { c.Issuer += "2" },
	} {
		cfg := config()
		change(&cfg)
		c, err := commit(t, src, Options{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if c.Leaves[0] == a.Leaves[0] || slices.Equal(c.records[:3], a.records[:3]) {
			t.Error("another secret, issuer or name gives the same leaves or order")
		}
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%x", "%s", "%#v", "%d"} {
		if got := fmt.Sprintf(verb, testSecret); got != "[secret]" {
			t.Errorf("Sprintf(%q) = %q", verb, got)
		}
	}
	if got := fmt.Sprintf("%+v", config()); strings.Contains(got, "31") || !strings.Contains(got, "[secret]") {
		t.Errorf("a Config prints as %s", got)
	}
}

func TestKey(t *testing.T) {
	for _, test := range []struct{ json, bytes string }{
		{`"q-1"`, "q-1"}, {`"a\nb"`, "a\nb"}, {`""`, ""}, {"17", "17"}, {"-3", "-3"}, {"0", "0"},
	} {
		k, err := ParseKey([]byte(test.json))
		if err != nil || k.Bytes() != test.bytes {
			t.Errorf("ParseKey(%s) = %q, %v, want bytes %q", test.json, k, err, test.bytes)
		}
	}
	for _, bad := range []string{"", "1.5", "1e30", "null", "true", "[]", "{}", `"a`, `"\u0061"`, "-0", "01", "1 "} {
		if k, err := ParseKey([]byte(bad)); err == nil {
			t.Errorf("ParseKey(%s) = %q, want an error", bad, k)
		}
	}
}

func TestActive(t *testing.T) {
	for _, test := range []struct {
		size   uint64
		bitmap []byte
		ok     bool
	}{
		{0, nil, true}, {1, []byte{0x80}, true}, {1, []byte{0x40}, false}, {1, nil, false}, {1, []byte{0, 0}, false},
		{8, []byte{0xff}, true}, {9, []byte{0xff, 0x80}, true}, {9, []byte{0xff, 0xc0}, false}, {9, []byte{0xff}, false},
		{1<<64 - 1, nil, false},
	} {
		if _, err := Active(test.size, test.bitmap); (err == nil) != test.ok {
			t.Errorf("Active(%d, %x): %v", test.size, test.bitmap, err)
		}
	}
	for size := range uint64(40) {
		bitmap := AllActive(size)
		if _, err := Active(size, bitmap); err != nil {
			t.Errorf("AllActive(%d): %v", size, err)
		}
		for i := range size + 16 {
			if IsActive(bitmap, i) != (i < size) {
				t.Errorf("IsActive(AllActive(%d), %d) = %v", size, i, i >= size)
			}
		}
	}
}

func TestParseSkeleton(t *testing.T) {
	leaves := []attest.Hash{{1}, {2}}
	got, err := ParseSkeleton(FormatSkeleton(leaves))
	if diff := cmp.Diff(leaves, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := ParseSkeleton(make([]byte, 63)); err == nil {
		t.Error("63 bytes are a skeleton")
	}
}

func TestReadSkeleton(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 1000} {
		leaves := make([]attest.Hash, n)
		for i := range leaves {
			leaves[i] = attest.LeafHash([]byte{byte(i)})
		}
		data := FormatSkeleton(leaves)
		got, err := ReadSkeleton(iotest.HalfReader(bytes.NewReader(data)))
		if diff := cmp.Diff(leaves, got); diff != "" || err != nil {
			t.Errorf("%d leaves: %v %s", n, err, diff)
		}
		want := fmt.Sprintf("skeleton has %d bytes, want a multiple of 32", len(data)+31)
		if got, err := ReadSkeleton(bytes.NewReader(append(data, make([]byte, 31)...))); err == nil || err.Error() != want {
			t.Errorf("ReadSkeleton of %d leaves and 31 bytes = %d leaves, %v, want %q", n, len(got), err, want)
		}
		broken := errors.New("broken")
		if got, err := ReadSkeleton(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("ReadSkeleton of a reader that breaks after %d leaves = %d leaves, %v", n, len(got), err)
		}
	}
}
