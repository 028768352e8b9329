package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/proctor-attest/proctor/"

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// imports asks the go command for every package of the module.
func imports(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// Imports run one way: cmd → verify → {ledger, attest}, attest → schemas.
func TestImportArrows(t *testing.T) {
	may := map[string][]string{
		"schemas": {"schemas"},
		"attest":  {"attest", "schemas"},
		"ledger":  {"ledger"},
		"verify":  {"verify", "ledger", "attest", "schemas"},
		"cmd":     {"verify", "ledger", "attest", "schemas"},
	}
	room := func(path string) string {
		first, _, _ := strings.Cut(path, "/")
		return first
	}
	for path, p := range imports(t) {
		for _, dep := range p.Imports {
			ours, ok := strings.CutPrefix(dep, module)
			if ok && !slices.Contains(may[room(path)], room(ours)) {
				t.Errorf("%s imports %s", path, ours)
			}
		}
	}
}

// Heavy modules are leaves that only cmd wires in.
func TestHeavyModulesAreLeaves(t *testing.T) {
	heavy := map[string]string{
		"github.com/transparency-dev/tessera": "ledger/tiles",
		"k8s.io/klog/v2":                      "ledger/tiles",
		"github.com/google/trillian":          "ledger/trillian",
		"google.golang.org/grpc":              "ledger/trillian",
		"github.com/sigstore/sigstore":        "attest/signing",
		"github.com/sigstore/sigstore-go":     "attest/signing",

		"github.com/sigstore/timestamp-authority/v2": "attest/signing",
		"github.com/urfave/cli/v2":                   "cmd/proctor",
	}
	for path, p := range imports(t) {
		for _, dep := range p.Imports {
			for module, home := range heavy {
				if (dep == module || strings.HasPrefix(dep, module+"/")) && path != home && path != home+"/trilliantest" {
					t.Errorf("%s imports %s, which is for %s", path, dep, home)
				}
			}
		}
	}
	for _, dep := range imports(t)["verify"].Deps {
		if dep == "net/http" || dep == "os/exec" || strings.HasPrefix(dep, module+"ledger/tiles") || strings.HasPrefix(dep, "gonum.org/") || strings.HasPrefix(dep, "github.com/go-git/") {
			t.Errorf("verify depends on %s", dep)
		}
	}
}

// Of go-git only what reads repositories is there, nothing that fetches or runs hooks, and
// only in leaves.
func TestGitIsOnlyRead(t *testing.T) {
	homes := []string{"attest/gitobject", "attest/harness/gittables", "attest/hub/gittree"}
	for path, p := range imports(t) {
		for _, dep := range p.Imports {
			if strings.HasPrefix(dep, "github.com/go-git/") && !slices.Contains(homes, path) {
				t.Errorf("%s imports %s", path, dep)
			}
		}
	}
	for _, dep := range imports(t)["attest/gitobject"].Deps {
		for _, no := range []string{"net/http", "os/exec", "github.com/go-git/go-git/v5", "github.com/go-git/go-git/v5/plumbing/transport"} {
			if dep == no {
				t.Errorf("gitobject depends on %s", dep)
			}
		}
	}
}

// The browser's verifier leaves out what only owners of sets need.
func TestBrowserVerifierIsLight(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", module+"cmd/proctor-wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		for _, heavy := range []string{"net/http", "golang.org/x/text/unicode/norm", "golang.org/x/text/cases", module + "verify/report"} {
			if dep == heavy {
				t.Errorf("proctor-wasm depends on %s", dep)
			}
		}
	}
}
