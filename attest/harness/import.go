package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
)

// Importer reads one kind of file that evaluators leave. It never guesses: a version
// that it does not know is an error, or a Notice where it can still be read.
type Importer struct {
	Name   string // stable: "alpacaeval-annotations"
	Tested string // the real files that it was tested on; "" when there were none
	About  About
	Tables bool // reads published tables
	// Claims says cheaply whether a file is one of its kind, by its name without .gz
	// or .zst and by its first bytes, decompressed.
	Claims func(name string, head []byte) bool
	// Read reads the file, and what lies beside it if that belongs to it.
	Read func(fsys fs.FS, name string) (*Imported, error)
}

// About says how files of a kind identify what they are about, for a person.
type About struct{ Files, Model, Dataset, Items, Aggregate, Absent string }

// Imported is what files say.
type Imported struct {
	Runs    []*Run
	Tables  []*Table
	Weights []*Weights
	Battles []*BattleLog

	Lineages []*Lineage // what tables were before, which Import does not know

	// Import fills in the rest.
	Refused      []Refusal // files that could not be read as what they look like
	Unrecognised []string  // files that no importer knows
	Links        []string  // symbolic links and the like, which are not followed
}

// Refusal is a file that an importer claimed and could not read.
type Refusal struct {
	File   File
	Format string
	Reason string
}

// Importers lists them all, in the order in which they are asked.
func Importers() []Importer {
	return []Importer{
		alpacaTable, alpacaAnnotations, alpacaOutputs, alpacaWeights, alpacaDifficulties, alpacaGamed,
		sweLeaderboards, sweProResults, sweProPage,
		bbhOutputs, cruxEval,
		inspectLogs, lmevalResults, lmevalSamples, // a log of Inspect can have bootstrap_stderr too
		sweReport, evalPlus, humanEval,
		tauTrajectories, tauReadme, gsm8kSolutions, openaiEvals,
		helmRun, everyEvalEver,
		arenaCatalog, arenaBattles, arenaTable, mtBenchSingle, mtBenchPair, aiderTable, hfModelIndex, hfEvalResults,
		plainTable,
	}
}

// Limits of what is read: beyond them there is an error instead of a partial answer.
const (
	maxFiles = 200_000
	maxDepth = 64
)

// Import reads every file at or below the paths that an importer claims, until the
// context ends. It follows no links. Progress is called with bytes as they are read, by several goroutines at
// once. The result is in the order of the files' paths, whatever happened first.
func Import(ctx context.Context, fsys fs.FS, paths []string, progress func(bytes int64)) (*Imported, error) {
	names, links, err := walk(fsys, paths)
	if err != nil {
		return nil, err
	}
	h := &hashing{FS: fsys, ctx: ctx, progress: progress, files: map[string]File{}}
	parts := make([]*Imported, len(names))
	var next sync.Mutex
	at := 0
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= len(names) {
					return
				}
				parts[i] = h.importFile(names[i])
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.gather(append(parts, &Imported{Links: links}))
}

// walk lists the files, and what is neither file nor folder, sorted and each once.
func walk(fsys fs.FS, paths []string) (names, links []string, err error) {
	for _, p := range paths {
		err := fs.WalkDir(fsys, p, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && depth(name) > maxDepth:
				return fmt.Errorf("%s: more than %d folders deep", name, maxDepth)
			case d.IsDir() && path.Base(name) == ".git" && name != p:
				return fs.SkipDir // objects of a repository, which are no files to read
			case d.IsDir():
				return nil
			case d.Type().IsRegular():
				names = append(names, name)
			default:
				links = append(links, name)
			}
			if len(names)+len(links) > maxFiles {
				return fmt.Errorf("more than %d files", maxFiles)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(names)
	slices.Sort(links)
	return slices.Compact(names), slices.Compact(links), nil
}

func depth(name string) (n int) {
	for _, c := range []byte(name) {
		if c == '/' {
			n++
		}
	}
	return n
}

// importFile never fails: what cannot be read is part of the answer.
func (h *hashing) importFile(name string) *Imported {
	first, err := head(h.FS, name)
	if err != nil {
		return &Imported{Refused: []Refusal{{File: File{Path: name}, Reason: reason(name, err)}}}
	}
	im, ok := recognise(name, first)
	if !ok {
		return &Imported{Unrecognised: []string{name}}
	}
	got, err := im.Read(h, name)
	if err != nil {
		return &Imported{Refused: []Refusal{{File: File{Path: name}, Format: im.Name, Reason: reason(name, err)}}}
	}
	return got
}

// reason is an error without the name that stands beside it.
func reason(name string, err error) string {
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == name {
		return p.Err.Error()
	}
	return err.Error()
}

// gather puts the parts together and completes what they say of their files.
func (h *hashing) gather(parts []*Imported) (*Imported, error) {
	all := &Imported{}
	for _, p := range parts {
		all.Runs = append(all.Runs, p.Runs...)
		all.Tables = append(all.Tables, p.Tables...)
		all.Weights = append(all.Weights, p.Weights...)
		all.Battles = append(all.Battles, p.Battles...)
		all.Refused = append(all.Refused, p.Refused...)
		all.Links = append(all.Links, p.Links...)
		for _, name := range p.Unrecognised {
			if !h.wasRead(name) { // what another importer read belongs to that file
				all.Unrecognised = append(all.Unrecognised, name)
			}
		}
	}
	markDigits(all.Runs)
	joinSWEPro(all)
	joinTau(all)
	if err := joinBBH(all); err != nil {
		return nil, err
	}
	var files []*File
	for _, r := range all.Runs {
		for i := range r.Files {
			files = append(files, &r.Files[i])
		}
	}
	for _, t := range all.Tables {
		files = append(files, &t.File)
	}
	for _, w := range all.Weights {
		files = append(files, &w.File)
	}
	for _, b := range all.Battles {
		files = append(files, &b.File)
	}
	for i := range all.Refused {
		files = append(files, &all.Refused[i].File)
	}
	for _, f := range files {
		known, err := h.file(f.Path)
		if err != nil {
			return nil, err
		}
		*f = known
	}
	slices.SortStableFunc(all.Refused, func(a, b Refusal) int { return cmp.Compare(a.File.Path, b.File.Path) })
	return all, nil
}
