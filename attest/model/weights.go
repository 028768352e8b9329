package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	shardSuffix = ".safetensors"
	indexSuffix = ".safetensors.index.json"

	// maxIndex and maxParsed bound files that are read as a whole: an index has a line
	// for each tensor, and the largest configurations of tokenizers are 5 MB.
	maxIndex  = 64 << 20
	maxParsed = 32 << 20
)

// plan says which files hold the model's weights, and where in them.
type plan struct {
	format    string           // empty without weights
	weights   part             // of the model itself
	adapters  []adapterPlan    // by path
	layouts   map[string]entry // files of weights, of adapters too
	readers   map[string]format
	read      map[string]*layout
	room      room // for the tensors of all files
	uncovered []string
}

// part is a set of files whose tensors belong together.
type part struct {
	files []string // in the order of their names
	index *index   // nil without one
}

// The formats of weights.
const (
	formatSafetensors = "safetensors"
	formatGGUF        = "GGUF"
	formatTorch       = "PyTorch"
)

// planWeights applies the first rule of role weights that fits. The layouts are
// not read yet.
func planWeights(fsys fs.FS, entries []entry, named string) (*plan, error) {
	p := &plan{layouts: map[string]entry{}, readers: map[string]format{}, read: map[string]*layout{}}
	if err := p.findAdapters(entries); err != nil {
		return nil, err
	}
	if err := p.findWeights(fsys, entries, named); err != nil {
		return nil, err
	}
	if p.format == "" && len(p.adapters) == 0 {
		return nil, noWeights(entries)
	}
	p.uncovered = []string{}
	for _, e := range entries {
		if p.readers[e.path] != nil {
			p.layouts[e.path] = e
		} else if looksLikeWeights(e.path) {
			p.uncovered = append(p.uncovered, e.path)
		}
	}
	return p, nil
}

// findWeights finds the model's own weights: "the files named by
// *.safetensors.index.json, else all *.safetensors at the root, else the one GGUF
// (all its splits; several quantisations are refused until one is named), else the
// PyTorch zip(s) of the index".
func (p *plan) findWeights(fsys fs.FS, entries []entry, named string) error {
	root := func(suffix string) (names []string) {
		for _, e := range entries {
			if atRoot(e.path) && strings.HasSuffix(e.path, suffix) && p.readers[e.path] == nil {
				names = append(names, e.path)
			}
		}
		return names
	}
	shards, ggufs := root(shardSuffix), root(ggufSuffix)
	ix, err := oneIndex(fsys, entries, root(indexSuffix), shardSuffix)
	switch {
	case err != nil:
		return err
	case ix != nil:
		p.take(formatSafetensors, readSafetensors, part{ix.files(), ix})
	case len(shards) > 0:
		p.take(formatSafetensors, readSafetensors, part{files: shards})
	case len(ggufs) > 0:
		files, err := chooseGGUF(ggufs, named)
		if err != nil {
			return err
		}
		p.take(formatGGUF, readGGUF, part{files: files})
		return nil
	default:
		if err := p.findTorch(fsys, entries, root); err != nil {
			return err
		}
	}
	if named != "" {
		return fmt.Errorf("%.200q was named as the weights, but only one of several GGUF files can be chosen, and the rule finds %s here", named, p.found())
	}
	return nil
}

func (p *plan) found() string {
	if p.format == "" {
		return "no weights"
	}
	return fmt.Sprintf("%s: %s", p.format, quoteAll(p.weights.files))
}

func (p *plan) take(name string, read format, w part) {
	p.format, p.weights = name, w
	for _, file := range w.files {
		p.readers[file] = read
	}
}

// noWeights says what was found instead of weights.
func noWeights(entries []entry) error {
	for _, e := range entries {
		if !looksLikeWeights(e.path) {
			continue
		}
		if !atRoot(e.path) {
			return fmt.Errorf("no weights at the top of the directory, only in folders (%q): give the folder of one model", e.path)
		}
		return fmt.Errorf("weights in the format of %q are not supported (convert them to safetensors)", e.path)
	}
	return errors.New("no weights: the directory holds no *.safetensors, no GGUF and no PyTorch checkpoint")
}

// merge puts the tensors of all files in order. It refuses a name that two of
// them have, and an index that says otherwise than the files: loaders that
// trust the one and those that trust the other would run two models.
func (w part) merge(read map[string]*layout) ([]Tensor, error) {
	n := 0
	for _, file := range w.files {
		n += len(read[file].tensors)
	}
	if n == 0 {
		return nil, fmt.Errorf("the weights hold no tensors (%s)", quoteAll(w.files))
	}
	tensors := make([]Tensor, 0, n)
	for _, file := range w.files {
		tensors = append(tensors, read[file].hashed()...)
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < n; i++ {
		if name := tensors[i].Name; name == tensors[i-1].Name {
			in := w.having(read, name)
			return nil, fmt.Errorf("tensor %.200q is in %q and in %q (keep one variant of the weights, or add an index)", name, in[0], in[1])
		}
	}
	return tensors, w.checkIndex(read, tensors)
}

// having lists the files that have a tensor of this name.
func (w part) having(read map[string]*layout, name string) (files []string) {
	for _, file := range w.files {
		if slices.ContainsFunc(read[file].tensors, func(t Tensor) bool { return t.Name == name }) {
			files = append(files, file)
		}
	}
	return files
}

// checkIndex holds the index against all tensors, which are sorted by name.
func (w part) checkIndex(read map[string]*layout, tensors []Tensor) error {
	if w.index == nil {
		return nil
	}
	for _, file := range w.files {
		for _, t := range read[file].tensors {
			if w.index.file[t.Name] == file {
				continue
			}
			said, ok := w.index.file[t.Name]
			if !ok {
				said = "no file"
			}
			return fmt.Errorf("tensor %.200q is in %q, but %q has it in %s", t.Name, file, w.index.path, said)
		}
	}
	if len(w.index.file) == len(tensors) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(w.index.file)) {
		if len(w.having(read, name)) == 0 {
			return fmt.Errorf("tensor %.200q is not in %q, where %q has it", name, w.index.file[name], w.index.path)
		}
	}
	return nil
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

// folder is the path of what lies beside a file.
func folder(name, beside string) string { return path.Join(path.Dir(name), beside) }
