package gittables

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/proctor-attest/proctor/attest/gitobject"
	"github.com/proctor-attest/proctor/attest/harness"
)

// Config says which tables are followed.
type Config struct {
	// At is where the repository's files lie, as the paths of files in Now and in
	// what is found begin: "checkout", "mirror.git".
	At string
	// Within are folders and files of the repository; tables elsewhere are not looked
	// for. None is everything.
	Within []string
	// Now are the tables that lie there, which may be others than those at HEAD.
	Now []*harness.Table
}

// History is what the repository says of tables.
type History struct {
	Lineages []*harness.Lineage
	Commits  int // that were looked at
	Versions int // of files that were read
	// Gaps are what was not read, in sentences for a person.
	Gaps []string
}

// History follows the tables back from HEAD, along the first parents. It fails where it
// cannot begin; later it ends, and says so in Gaps.
func (r *Repo) History(ctx context.Context, c Config) (*History, error) {
	w := &walker{repo: r, config: c, open: map[string]*lineage{}, begun: map[string]*lineage{}}
	w.start()
	commit, err := r.store.Commit(r.head)
	if err != nil {
		return nil, err
	}
	for commit != nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if commit, err = w.step(ctx, commit); err != nil {
			return nil, err
		}
	}
	return w.finish(), nil
}

// walker goes from new to old.
type walker struct {
	repo   *Repo
	config Config
	open   map[string]*lineage // by the path that each file has in the commit
	begun  map[string]*lineage // files that came in a later commit, and may have been there before
	all    []*lineage
	found  History

	bytes, rows int64
	unread      int    // versions
	firstUnread string // and why
}

// point is a commit that a file is read out of.
type point struct {
	commit, date string
	top          plumbing.Hash
}

func pointOf(c *object.Commit) point {
	return point{c.Hash.String(), c.Committer.When.UTC().Format("2006-01-02"), c.TreeHash}
}

// start opens a lineage for each file with tables that lies there.
func (w *walker) start() {
	for _, t := range w.config.Now {
		name, ok := inside(w.config.At, t.File.Path)
		if !ok || !w.wanted(name) {
			continue
		}
		l := w.open[name]
		if l == nil {
			l = w.begin(name)
		}
		l.now(t)
	}
}

func (w *walker) begin(name string) *lineage {
	l := &lineage{}
	w.open[name] = l
	w.all = append(w.all, l)
	return l
}

func inside(dir, name string) (string, bool) {
	if dir == "." {
		return name, true
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

func (w *walker) wanted(name string) bool {
	return len(w.config.Within) == 0 || slices.ContainsFunc(w.config.Within, func(dir string) bool {
		_, ok := inside(dir, name)
		return ok || name == dir
	})
}

// step reads what a commit changed and returns the one before it, nil at the end.
func (w *walker) step(ctx context.Context, c *object.Commit) (*object.Commit, error) {
	w.found.Commits++
	before, why := w.parent(c)
	old := plumbing.ZeroHash
	if before != nil {
		old = before.TreeHash
	}
	changes, err := w.repo.changes(old, c.TreeHash)
	if err != nil {
		w.endsAt(c, err.Error())
		return nil, nil
	}
	if err := w.read(ctx, pointOf(c), before, changes); err != nil {
		return nil, err
	}
	switch {
	case why != "":
		w.endsAt(c, why)
		return nil, nil
	case before != nil && w.found.Commits >= maxCommits:
		why = fmt.Sprintf("more than %d commits", maxCommits)
	case before != nil && w.bytes > maxBytes:
		why = fmt.Sprintf("more than %d bytes of tables", int64(maxBytes))
	case before != nil && w.rows > maxRows:
		why = fmt.Sprintf("more than %d rows", maxRows)
	default:
		return before, nil
	}
	w.endsAt(c, why)
	return nil, nil
}

// parent is the first one, or why there is none where there should be.
func (w *walker) parent(c *object.Commit) (*object.Commit, string) {
	switch {
	case w.repo.edge[c.Hash]:
		return nil, "the clone is shallow"
	case len(c.ParentHashes) == 0:
		return nil, ""
	}
	before, err := w.repo.store.Commit(c.ParentHashes[0])
	if err != nil {
		return nil, err.Error()
	}
	return before, ""
}

func (w *walker) endsAt(c *object.Commit, why string) {
	p := pointOf(c)
	w.gap("history is read back to commit %.12s of %s only: %s", p.commit, p.date, why)
}

func (w *walker) gap(format string, args ...any) {
	w.found.Gaps = append(w.found.Gaps, fmt.Sprintf(format, args...))
}

// read takes the versions that a commit made, looks where files of the commit came from,
// and opens a lineage for what it removed.
func (w *walker) read(ctx context.Context, at point, before *object.Commit, changes []change) error {
	removed := map[string]plumbing.Hash{}
	for _, c := range changes {
		if c.new.IsZero() {
			removed[c.path] = c.old
		}
	}
	for _, c := range changes {
		l := w.open[c.path]
		if l == nil || c.new.IsZero() {
			continue
		}
		tables, err := w.tables(ctx, at, c.path, c.new)
		if err != nil {
			return err
		}
		w.rows += l.add(tables)
		if !c.old.IsZero() {
			continue
		}
		// The file begins here, perhaps as another one that ends.
		delete(w.open, c.path)
		from, err := w.origin(ctx, before, c.new, l, removed)
		if err != nil {
			return err
		}
		if from == "" {
			w.begun[c.path] = l
			continue
		}
		delete(removed, from)
		w.open[from] = l
	}
	for _, c := range changes {
		blob, ok := removed[c.path]
		switch {
		case !ok || w.open[c.path] != nil:
		case w.begun[c.path] != nil:
			w.open[c.path] = w.begun[c.path]
		case w.wanted(c.path) && w.isTable(c.path, blob):
			w.begin(c.path).gone(&harness.Table{File: harness.File{Path: path.Join(w.config.At, c.path)}, Commit: at.commit, Date: at.date})
		}
	}
	return nil
}

// origin is the file, of those that a commit removed, that goes on under another name:
// one with the same bytes, or else the table with most of the same rows.
func (w *walker) origin(ctx context.Context, before *object.Commit, blob plumbing.Hash, l *lineage, removed map[string]plumbing.Hash) (string, error) {
	var names []string
	for name := range removed {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if removed[name] == blob {
			return name, nil
		}
	}
	best, most := "", 0
	for _, name := range names {
		if !w.isTable(name, removed[name]) {
			continue
		}
		tables, err := w.tables(ctx, pointOf(before), name, removed[name])
		if err != nil {
			return "", err
		}
		if n := l.shares(tables); n > most {
			best, most = name, n
		}
	}
	return best, nil
}

// isTable reports whether a file is one with tables. A compressed one has no history:
// its versions may be large without end.
func (w *walker) isTable(name string, blob plumbing.Hash) bool {
	if ext := path.Ext(name); ext == ".gz" || ext == ".zst" {
		return false
	}
	if !slices.Contains([]string{".csv", ".json", ".md", ".html", ".htm", ".yml", ".yaml"}, path.Ext(name)) {
		return false
	}
	data, err := w.repo.store.Read(plumbing.BlobObject, blob, maxBlob)
	w.bytes += int64(len(data))
	return err == nil && harness.ReadsTables(name, data[:min(len(data), harness.HeadSize)])
}

// tables reads a version of a file. What cannot be read is counted.
func (w *walker) tables(ctx context.Context, at point, name string, blob plumbing.Hash) ([]*harness.Table, error) {
	if w.bytes > maxBytes || w.rows > maxRows {
		return nil, nil // the history ends with this commit
	}
	in, size, err := w.load(ctx, at, name, blob)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	w.bytes += size
	w.found.Versions++
	if err != nil {
		if w.unread++; w.firstUnread == "" {
			w.firstUnread = fmt.Sprintf("%s in commit %.12s: %s", name, at.commit, err)
		}
		return nil, nil
	}
	for _, t := range in.Tables {
		t.Commit, t.Date = at.commit, at.date
	}
	return in.Tables, nil
}

func (w *walker) load(ctx context.Context, at point, name string, blob plumbing.Hash) (*harness.Imported, int64, error) {
	if ext := path.Ext(name); ext == ".gz" || ext == ".zst" {
		return nil, 0, errors.New("is compressed")
	}
	data, err := w.repo.store.Read(plumbing.BlobObject, blob, maxBlob)
	if errors.Is(err, gitobject.ErrAbsent) {
		return nil, 0, errors.New("is not in this copy of the repository")
	} else if err != nil {
		return nil, 0, err
	}
	size := int64(len(data))
	in, err := harness.Import(ctx, &treeFS{repo: w.repo, at: w.config.At, top: at.top, most: maxBlob}, []string{path.Join(w.config.At, name)}, nil)
	switch {
	case err != nil:
		return nil, size, err
	case len(in.Refused) > 0:
		return nil, size, errors.New(in.Refused[0].Reason)
	case len(in.Tables) == 0:
		return nil, size, errors.New("is no table")
	}
	return in, size, nil
}

// finish puts the versions in order and says what was not read.
func (w *walker) finish() *History {
	if w.unread > 0 {
		w.gap("%d of %d versions of tables could not be read, first %s", w.unread, w.found.Versions, w.firstUnread)
	}
	if absent := slices.Sorted(maps.Keys(w.repo.absent)); len(absent) > 0 {
		w.gap("%d files of HEAD are not in this copy of the repository, first %s", len(absent), absent[0])
	}
	for _, l := range w.all {
		w.found.Lineages = append(w.found.Lineages, l.finish()...)
	}
	return &w.found
}
