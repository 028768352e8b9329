package hub

import (
	"fmt"
	"regexp"
	"strings"
)

// Scheme begins the name of a repository of the Hugging Face Hub: hf:ORG/NAME, or
// hf:ORG/NAME@REVISION.
const Scheme = "hf:"

// Repo is a model repository. Without a Revision it is whatever its main branch is.
type Repo struct{ Name, Revision string }

var (
	repoName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$`)
	revision = regexp.MustCompile(`^[A-Za-z0-9][\w./-]{0,199}$`)
)

// ParseRepo reads the name of a repository.
func ParseRepo(s string) (Repo, error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	name, rev, at := strings.Cut(rest, "@")
	if !ok || !repoName.MatchString(name) || at && !revision.MatchString(rev) || strings.Contains(s, "..") {
		return Repo{}, fmt.Errorf("%.200q is not hf:ORG/NAME or hf:ORG/NAME@COMMIT", s)
	}
	return Repo{name, rev}, nil
}

func (r Repo) String() string {
	if r.Revision == "" {
		return Scheme + r.Name
	}
	return Scheme + r.Name + "@" + r.Revision
}
