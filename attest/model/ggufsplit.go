package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// split is what a file says of being one of several.
type split struct {
	stated             bool
	number, of, tensor uint64 // number counts from 0; tensor is how many all files have
}

func (kvs rawKVs) split() (s split, err error) {
	for key, to := range map[string]*uint64{"split.no": &s.number, "split.count": &s.of, "split.tensors.count": &s.tensor} {
		n, found, err := kvs.number(key)
		if err != nil {
			return split{}, err
		}
		*to, s.stated = n, s.stated || found
	}
	if s.of == 0 && s.number == 0 {
		s.stated = false // llama.cpp writes a count of 0 when it has merged splits
	}
	return s, nil
}

// cutSplit takes apart how the files of one GGUF are called: STEM-00001-of-00003.gguf.
func cutSplit(name string) (stem, count string, ok bool) {
	rest, ok := strings.CutSuffix(name, ggufSuffix)
	const tail = len("-00001-of-00003")
	if !ok || len(rest) < tail {
		return "", "", false
	}
	stem, rest = rest[:len(rest)-tail], rest[len(rest)-tail:]
	number, count, ok := strings.Cut(rest[1:], "-of-")
	return stem, count, ok && rest[0] == '-' && isDigits(number) && isDigits(count) && len(number) == len(count)
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// chooseGGUF returns the files of the one GGUF, or of the one that was named, in
// order.
func chooseGGUF(names []string, named string) ([]string, error) {
	sets := map[string][]string{} // by the name of the first file
	for _, name := range names {
		first := name
		if stem, count, ok := cutSplit(name); ok {
			first = stem + "-00001-of-" + count + ggufSuffix
		}
		sets[first] = append(sets[first], name)
	}
	firsts := make([]string, 0, len(sets))
	for first := range sets {
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	switch {
	case named != "" && sets[named] == nil:
		return nil, fmt.Errorf("no GGUF %.200q at the top of the directory: there are %s", named, quoteAll(firsts))
	case named == "" && len(firsts) > 1:
		return nil, &SeveralError{firsts}
	case named == "":
		named = firsts[0]
	}
	return checkNames(named, sets[named])
}

// SeveralError says that a directory holds several GGUFs, of which Options must
// name one.
type SeveralError struct{ Names []string }

func (e *SeveralError) Error() string {
	return fmt.Sprintf("%d GGUFs, of which one is the model: name one of %s", len(e.Names), quoteAll(e.Names))
}

// checkNames refuses splits of which some are not there.
func checkNames(first string, files []string) ([]string, error) {
	stem, count, ok := cutSplit(first)
	if !ok {
		return files, nil
	}
	of, err := strconv.Atoi(count)
	if err != nil || of == 0 {
		return nil, fmt.Errorf("%q: not the name of a split", first)
	}
	for i := range of {
		want := fmt.Sprintf("%s-%05d-of-%s%s", stem, i+1, count, ggufSuffix)
		if i >= len(files) || files[i] != want {
			return nil, fmt.Errorf("%q is not in the directory, and %q is one of %d splits (download it)", want, first, of)
		}
	}
	if len(files) > of {
		return nil, fmt.Errorf("%q: not one of %d splits", files[of], of)
	}
	return files, nil
}

// checkSplits holds what the files of one GGUF say of themselves against each
// other. All metadata are in the first; what others repeat must be the same.
func (p *plan) checkSplits() error {
	files := p.weights.files
	first := p.read[files[0]]
	tensors := uint64(0)
	for i, name := range files {
		l := p.read[name]
		tensors += uint64(len(l.tensors))
		if !l.split.stated && len(files) == 1 {
			continue
		}
		want := split{true, uint64(i), uint64(len(files)), first.split.tensor}
		if l.split != want {
			return fmt.Errorf("%q: says that it is number %d of %d splits with %d tensors together, want number %d of %d with %d", name,
				l.split.number, l.split.of, l.split.tensor, want.number, want.of, want.tensor)
		}
		for _, kv := range l.kv {
			at, ok := slices.BinarySearchFunc(first.kv, kv.Key, func(kv KV, key string) int { return strings.Compare(kv.Key, key) })
			if !ok || first.kv[at] != kv {
				return fmt.Errorf("%q: %.200q is not as in the first split", name, kv.Key)
			}
		}
	}
	if first.split.stated && tensors != first.split.tensor {
		return fmt.Errorf("%s: %d tensors, and split.tensors.count says %d", strings.Join(files, ", "), tensors, first.split.tensor)
	}
	return nil
}
