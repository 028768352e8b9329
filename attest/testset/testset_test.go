package testset

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func source(name, content string) Source { return bytesSource(name, []byte(content)) }

func bytesSource(name string, content []byte) Source {
	return Source{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

func fileSource(path string) Source {
	return Source{Name: filepath.Base(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

var testSecret = Secret{31: 7}

func config() Config {
	return Config{Issuer: "https://bench.example", Name: "arithmetic-heldout", Secret: testSecret}
}

func commit(t testing.TB, src Source, opt Options, cfg Config) (*Version, error) {
	t.Helper()
	shape, err := Survey(context.Background(), src, opt)
	if err != nil {
		return nil, err
	}
	return Commit(context.Background(), src, shape, cfg, io.Discard)
}

func mustCommit(t testing.TB, src Source, opt Options) *Version {
	t.Helper()
	v, err := commit(t, src, opt, config())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mustStore commits src into a new store and opens it.
func mustStore(t testing.TB, src Source, opt Options) (*Version, *Store) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	v, err := CreateStore(dir, testSecret, func(private io.Writer) (*Version, error) {
		shape, err := Survey(context.Background(), src, opt)
		if err != nil {
			return nil, err
		}
		return Commit(context.Background(), src, shape, config(), private)
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return v, s
}

// key is that of an item.
func key(t testing.TB, s *Store, index uint64) Key {
	t.Helper()
	item, err := s.Item(index)
	if err != nil {
		t.Fatal(err)
	}
	return item.Key
}

// shared names a file of the data that is kept outside the repository.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared data is not here: %v", err)
	}
	return path
}

func TestRealSets(t *testing.T) {
	for _, test := range []struct {
		file, key string
		rows      int
		fields    string
	}{
		{"gsm8k/test.jsonl", "", 1319, "question,answer"},
		{"humaneval/HumanEval.jsonl.gz", "task_id", 164, "task_id,prompt,entry_point,canonical_solution,test"},
		{"truthfulqa/TruthfulQA.csv", "", 817, "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source"},
		{"mt_bench/question.jsonl", "question_id", 80, "question_id,category,turns,reference"},
		{"ifeval/input_data.jsonl", "key", 541, "key,prompt,instruction_id_list,kwargs"},
	} {
		t.Run(test.file, func(t *testing.T) {
			src := fileSource(shared(t, "data/contamination/"+test.file))
			v, err := commit(t, src, Options{}, config())
			if err != nil {
				t.Fatal(err)
			}
			if v.Key != test.key || v.Size != uint64(test.rows) || strings.Join(v.Fields, ",") != test.fields || len(v.Duplicates) != 0 {
				t.Errorf("got key %q, %d rows, fields %q, duplicates %v", v.Key, v.Size, v.Fields, v.Duplicates)
			}
		})
	}
}
