package hub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	sumA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	blobC  = "cccccccccccccccccccccccccccccccccccccccc"
	blobD  = "dddddddddddddddddddddddddddddddddddddddd"
	commit = "0123456789abcdef0123456789abcdef01234567"
)

func hashOf(t testing.TB, s string) attest.Hash {
	t.Helper()
	h, err := attest.ParseHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func blob(t testing.TB, s string) (b model.GitBlob) {
	t.Helper()
	if err := b.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return b
}

// lines prints a listing for comparison with what a test wants.
func lines(l *Listing) []string {
	var out []string
	for _, f := range l.Files {
		text := f.Path
		if f.Size != nil {
			text += fmt.Sprintf(" size=%d", *f.Size)
		}
		if f.SHA256 != nil {
			text += " sha256=" + f.SHA256.Short()
		}
		if f.Blob != nil {
			text += " blob=" + f.Blob.String()[:8]
		}
		out = append(out, text)
	}
	return out
}

const modelAnswer = `{"_id":"621ffdc0","id":"lab/tiny","sha":"` + commit + `","private":false,"downloads":12,
 "siblings":[{"rfilename":"model.safetensors","size":1000,"blobId":"` + blobD + `","lfs":{"sha256":"` + sumA + `","size":1000,"pointerSize":131}},
 {"rfilename":"config.json","blobId":"` + blobC + `","size":20}]}`

const treeAnswer = `[{"type":"directory","oid":"` + blobD + `","size":0,"path":"onnx"},
 {"type":"file","oid":"` + blobC + `","size":20,"path":"config.json"},
 {"type":"file","oid":"` + blobD + `","size":1000,"path":"onnx/model.onnx","lfs":{"oid":"` + sumA + `","size":1000,"pointerSize":131},"xetHash":"` + sumB + `"}]`

func TestParse(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + sumA + "\nsize 1000\n"
	for _, test := range []struct {
		name, in string
		kind     string
		want     []string
		partial  string
	}{
		{"model answer", modelAnswer, KindAPI, []string{"config.json size=20 blob=cccccccc", "model.safetensors size=1000 sha256=aaaaaaaa"}, ""},
		{"tree answer", treeAnswer, KindAPI, []string{"config.json size=20 blob=cccccccc", "onnx/model.onnx size=1000 sha256=aaaaaaaa"}, ""},
		{"tree that is not recursive", `[{"type":"directory","oid":"","path":"onnx"},{"type":"file","oid":"` + blobC + `","size":2,"path":"onnx.md"}]`,
			KindAPI, []string{"onnx.md size=2 blob=cccccccc"}, "does not go into the folder"},
		{"first page of a tree", firstPage(1000), KindAPI, nil, "1000 entries are as many as the Hub puts on a page"},
		{"pointer", pointer, KindPointers, []string{"x.bin size=1000 sha256=aaaaaaaa"}, "one file"},
		{"pointer with an extension", "version https://git-lfs.github.com/spec/v1\next-0-foo sha256:" + sumB + "\noid sha256:" + sumA + "\nsize 1000\n",
			KindPointers, []string{"x.bin size=1000 sha256=aaaaaaaa"}, "one file"},
		{"sha256sum", sumA + "  b\n" + sumB + " *a b\n", KindSums, []string{"a b sha256=bbbbbbbb", "b sha256=aaaaaaaa"}, "somebody hashed"},
		{"sha256sum --zero", sumA + "  b\\n\x00" + sumB + "  a\x00", KindSums, []string{"a sha256=bbbbbbbb", "b\\n sha256=aaaaaaaa"}, "somebody hashed"},
		{"sha256sum --tag", "SHA256 (a (1) = 2) = " + sumA + "\n", KindSums, []string{"a (1) = 2 sha256=aaaaaaaa"}, "somebody hashed"},
		{"escaped", `\` + sumA + `  a\nb\\c\rd` + "\n", KindSums, []string{"a\nb\\c\rd sha256=aaaaaaaa"}, "somebody hashed"},
		{"escaped --tag", `\SHA256 (a\nb) = ` + sumA + "\n", KindSums, []string{"a\nb sha256=aaaaaaaa"}, "somebody hashed"},
		{"not escaped", sumA + `  a\nb` + "\n", KindSums, []string{`a\nb sha256=aaaaaaaa`}, "somebody hashed"},
		{"comments, CR LF, upper case, ./", "\ufeff# made by hand\r\n\r\n" + strings.ToUpper(sumA) + "  ./a\r\n", KindSums, []string{"a sha256=aaaaaaaa"}, "somebody hashed"},
		{"name that ends with CR", sumA + "  a\n" + sumB + "  b\r\n", KindSums, []string{"a sha256=aaaaaaaa", "b\r sha256=bbbbbbbb"}, "somebody hashed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Parse("x.bin", []byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if l.Kind != test.kind {
				t.Errorf("kind is %q, want %q", l.Kind, test.kind)
			}
			if test.want != nil {
				if diff := cmp.Diff(test.want, lines(l)); diff != "" {
					t.Error(diff)
				}
			}
			if (l.Partial == "") != (test.partial == "") || !strings.Contains(l.Partial, test.partial) {
				t.Errorf("partial is %q, want %q", l.Partial, test.partial)
			}
		})
	}
	l, err := Parse("", []byte(modelAnswer))
	if err != nil || l.Repo != "lab/tiny" || l.Revision != commit {
		t.Errorf("repository %q, revision %q, %v", l.Repo, l.Revision, err)
	}
}

func firstPage(n int) string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"type":"file","path":"f%d","oid":"%s","size":1}`, i, blobC)
	}
	return "[" + strings.Join(entries, ",") + "]"
}

func TestParseRefuses(t *testing.T) {
	pointer := func(lines string) string { return "version https://git-lfs.github.com/spec/v1\n" + lines }
	for name, test := range map[string]struct{ in, want string }{
		"nothing":          {" \n", "empty"},
		"other JSON":       {`{"a":1}`, "no member siblings"},
		"error answer":     {`{"error":"Repository not found"}`, "no member siblings"},
		"array of numbers": {`[1]`, "not an answer"},
		"duplicate member": {`{"siblings":[],"siblings":[]}`, "duplicate"},
		"no hashes":        {`{"id":"lab/tiny","siblings":[{"rfilename":"a"}]}`, "?blobs=true"},
		"no files":         {`{"id":"lab/tiny","siblings":[]}`, "names no files"},
		"twice":            {`[{"type":"file","path":"a","oid":"` + blobC + `"},{"type":"file","path":"a","oid":"` + blobD + `"}]`, `"a" is listed twice`},
		"outside":          {`[{"type":"file","path":"../a","oid":"` + blobC + `"}]`, "not a path inside"},
		"short oid":        {`[{"type":"file","path":"a","oid":"cc"}]`, "git blob"},
		"bad LFS hash":     {`[{"type":"file","path":"a","oid":"` + blobC + `","lfs":{"oid":"md5:00"}}]`, "lfs"},
		"two sizes":        {`[{"type":"file","path":"a","size":1,"lfs":{"oid":"` + sumA + `","size":2}}]`, "size is 1, and 2 in Git LFS"},
		"negative size":    {`[{"type":"file","path":"a","oid":"` + blobC + `","size":-1}]`, "not an answer"},
		"submodule":        {`[{"type":"commit","path":"a","oid":"` + blobC + `"}]`, `type "commit"`},
		"branch as sha":    {`{"sha":"main","siblings":[]}`, "want a commit"},

		"pointer of another version": {"version https://git-lfs.github.com/spec/v2\noid sha256:" + sumA + "\nsize 1\n", "not known"},
		"pointer without size":       {pointer("oid sha256:" + sumA + "\n"), "missing"},
		"pointer with two oids":      {pointer("oid sha256:" + sumA + "\noid sha256:" + sumB + "\nsize 1\n"), "repeated or out of order"},
		"pointer out of order":       {pointer("size 1\noid sha256:" + sumA + "\n"), "out of order"},
		"pointer by MD5":             {pointer("oid md5:" + sumA + "\nsize 1\n"), "sha256:"},
		"pointer with size +1":       {pointer("oid sha256:" + sumA + "\nsize +1\n"), "size"},
		"pointer with size 2^63":     {pointer("oid sha256:" + sumA + "\nsize 9223372036854775808\n"), "size"},
		"pointer cut short":          {pointer("oid sha256:" + sumA + "\nsize 1"), "does not end"},
		"pointer too long":           {pointer("oid sha256:" + sumA + "\nsize 1\nx " + strings.Repeat("x", MaxPointer) + "\n"), "want less than 1024"},

		"prose":            {"these are the sums\n", "line 1: neither"},
		"second line":      {sumA + "  a\n" + sumB[:40] + "  b\n", "line 2: neither"},
		"SHA-512":          {"SHA512 (a) = " + sumA + sumA + "\n", "line 1: neither"},
		"one blank":        {sumA + " a\n", "line 1: neither"},
		"bad escape":       {`\` + sumA + `  a\tb` + "\n", "backslash"},
		"escape at end":    {`\` + sumA + `  a\` + "\n", "backslash"},
		"absolute":         {sumA + "  /etc/passwd\n", "not a path inside"},
		"hex of 63 digits": {"SHA256 (a) = " + sumA[1:] + "\n", "line 1"},
		"name not UTF-8":   {sumA + "  \xff\n", "not a path inside"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Parse("x", []byte(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse = %v, %v; want an error with %q", l, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	m := &model.Model{
		Files: []model.File{
			{Path: "README.md", Size: 5, SHA256: hashOf(t, sumA), GitBlob: blob(t, blobC)},
			{Path: "config.json", Size: 20, SHA256: hashOf(t, sumA), GitBlob: blob(t, blobC)},
			{Path: "generation_config.json", Size: 7, SHA256: hashOf(t, sumA), GitBlob: blob(t, blobC)},
			{Path: "model.safetensors", Size: model.MaxBlob + 1, SHA256: hashOf(t, sumA)},
			{Path: "original/model.pth", Size: 1000, SHA256: hashOf(t, sumA)},
		},
		Uncovered: []string{"original/model.pth"},
	}
	for name, test := range map[string]struct {
		in   string
		want []string
		sum  Summary
	}{
		"all states": {
			`[{"type":"file","path":"README.md","oid":"` + blobD + `","size":5},
			  {"type":"file","path":"config.json","oid":"` + blobC + `","size":20},
			  {"type":"file","path":"extra.bin","oid":"` + blobC + `","size":3},
			  {"type":"file","path":"model.safetensors","size":16777217,"lfs":{"oid":"` + sumA + `"}},
			  {"type":"file","path":"original/model.pth","size":1000,"lfs":{"oid":"` + sumB + `"}},
			  {"type":"file","path":"tokenizer.json","oid":"` + blobC + `","size":3}]`,
			[]string{
				"README.md differs: git blob", "config.json same config by SHA-1", "extra.bin uncovered uncovered weights", "generation_config.json absent generation-config",
				"model.safetensors same weights by SHA-256", "original/model.pth differs uncovered weights: SHA-256", "tokenizer.json uncovered tokenizer",
			},
			Summary{Same: 2, BySHA1: 1, Differs: 2, Absent: 1, Uncovered: 2, Model: 4, Beside: 1},
		},
		"a large file outside Git LFS has no hash to compare": {
			`[{"type":"file","path":"model.safetensors","oid":"` + blobC + `","size":16777217}]`,
			[]string{
				"README.md absent", "config.json absent config", "generation_config.json absent generation-config",
				"model.safetensors unknown weights: listed under a git blob", "original/model.pth absent uncovered weights",
			},
			Summary{Absent: 4, Unknown: 1, Model: 3, Beside: 1},
		},
		"sizes alone can differ": {
			`[{"type":"file","path":"model.safetensors","oid":"` + blobC + `","size":16777216}]`,
			[]string{
				"README.md absent", "config.json absent config", "generation_config.json absent generation-config",
				"model.safetensors differs weights: 16777216 bytes", "original/model.pth absent uncovered weights",
			},
			Summary{Absent: 4, Differs: 1, Model: 4, Beside: 1},
		},
		"nothing is absent from a list": {
			sumA + "  config.json\n" + sumB + "  model.safetensors\n",
			[]string{
				"README.md not listed", "config.json same config by SHA-256", "generation_config.json not listed generation-config",
				"model.safetensors differs weights: SHA-256", "original/model.pth not listed uncovered weights",
			},
			Summary{Same: 1, Differs: 1, NotListed: 3, Model: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Parse("x", []byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			matches := Compare(m, l)
			var got []string
			for i, m := range matches {
				text := m.Path + " " + string(m.State)
				if m.Part != "" {
					text += " " + m.Part
				}
				if m.By != "" {
					text += " by " + m.By
				}
				if m.Detail != "" {
					text += ": " + m.Detail
				}
				if i < len(test.want) && m.Detail != "" && strings.HasPrefix(text, test.want[i]) {
					text = test.want[i]
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.sum, Summarize(matches)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	var matches []Match
	for i := range 8 {
		matches = append(matches, Match{Path: fmt.Sprintf("f%d", i), State: Differs}, Match{Path: "x", State: Same})
	}
	if got, want := Names(matches, Differs), "f0, f1, f2, f3, f4 and 3 more"; got != want {
		t.Errorf("Names = %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(modelAnswer))
	f.Add([]byte(treeAnswer))
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:" + sumA + "\nsize 1000\n"))
	f.Add([]byte(sumA + "  b\n" + sumB + " *a b\n"))
	f.Add([]byte(`\SHA256 (a\nb) = ` + sumA + "\n"))
	m := &model.Model{Files: []model.File{{Path: "b"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("b", data)
		if err != nil {
			return
		}
		matches := Compare(m, l)
		if len(matches) < len(l.Files) {
			t.Errorf("%d files make %d matches", len(l.Files), len(matches))
		}
	})
}
