package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/harness/gittables"
)

// gitRepo is a git repository whose files, or some of them, stand on a command line.
type gitRepo struct {
	*gittables.Repo
	at     string // its folder, as the paths of files begin
	bare   bool
	within []string // what of it was named
}

// openGit finds the repositories that paths lie in and opens them. The paths that it
// returns begin with their repository's, which may need absolute ones.
func openGit(args []string) (repos []*gitRepo, paths []string, err error) {
	defer func() {
		if err != nil {
			closeGit(repos)
		}
	}()
	for _, arg := range args {
		at, name, bare, err := findGit(arg)
		if err != nil {
			return repos, nil, err
		}
		paths = append(paths, name)
		within, err := filepath.Rel(at, name)
		if err != nil {
			return repos, nil, err
		}
		i := slices.IndexFunc(repos, func(r *gitRepo) bool { return r.at == filepath.ToSlash(at) })
		if i < 0 {
			r, err := openGitDir(at, bare)
			if err != nil {
				return repos, nil, fmt.Errorf("%s: %w", at, err)
			}
			i = len(repos)
			repos = append(repos, &gitRepo{Repo: r, at: filepath.ToSlash(at), bare: bare})
		}
		repos[i].within = append(repos[i].within, filepath.ToSlash(within))
	}
	return repos, paths, nil
}

func closeGit(repos []*gitRepo) {
	for _, r := range repos {
		r.Close() // was only read
	}
}

func openGitDir(at string, bare bool) (*gittables.Repo, error) {
	if !bare {
		at = filepath.Join(at, ".git")
	}
	return gittables.Open(at)
}

// findGit goes up from a path to the repository that it lies in, and gives the path in
// such a form that the repository's is the beginning of it.
func findGit(arg string) (at, name string, bare bool, err error) {
	name = filepath.Clean(arg)
	if isBare(name) {
		return name, name, true, nil
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", "", false, err
	}
	if _, err := os.Stat(name); err != nil {
		return "", "", false, err
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		info, err := os.Lstat(filepath.Join(dir, ".git"))
		switch {
		case err == nil && !info.IsDir():
			return "", "", false, withHint(fmt.Errorf("%s leads to a repository elsewhere, and is not followed", filepath.Join(dir, ".git")),
				"name the checkout that the repository lies in, or a bare clone")
		case err == nil:
			at, name := beginning(dir, abs, name)
			return at, name, false, nil
		case !errors.Is(err, fs.ErrNotExist) && dir != abs:
			return "", "", false, err
		case dir == filepath.Dir(dir):
			return "", "", false, withHint(fmt.Errorf("%s lies in no git repository", arg), "leave --git out, or name a checkout or a bare repository")
		}
	}
}

// beginning shortens a path as it was written to that of the folder that it lies in;
// where that cannot be, both become absolute.
func beginning(dir, abs, name string) (at, path string) {
	rest, err := filepath.Rel(dir, abs)
	if err != nil || filepath.IsAbs(name) || name == "." || strings.HasPrefix(name, "..") {
		return dir, abs
	}
	switch before, ok := strings.CutSuffix(name, rest); {
	case rest == ".":
		return name, name
	case ok && before == "":
		return ".", name
	case ok && len(before) > 1 && os.IsPathSeparator(before[len(before)-1]):
		return filepath.Clean(before), name
	}
	return dir, abs
}

// addHistory follows the tables that were read back in their repositories.
func (e *env) addHistory(in *harness.Imported, repos []*gitRepo) (gaps []string, err error) {
	for _, r := range repos {
		h, err := r.History(e.ctx, gittables.Config{At: r.at, Within: r.within, Now: in.Tables})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.at, err)
		}
		in.Lineages = append(in.Lineages, h.Lineages...)
		for _, gap := range h.Gaps {
			gaps = append(gaps, r.at+": "+gap)
		}
	}
	return gaps, nil
}

// noteGit says of repositories whose histories were not asked for.
func (e *env) noteGit(c *cli.Context) {
	for _, arg := range c.Args().Slice() {
		info, err := os.Lstat(filepath.Join(arg, ".git"))
		if err == nil && info.IsDir() || isBare(arg) {
			e.note(c, "%s is a git repository: --git also reads what its tables were in earlier commits", arg)
		}
	}
}
