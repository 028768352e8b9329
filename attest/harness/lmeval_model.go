package harness

import (
	"cmp"
	"strings"
)

// model is how the file names the model: as the configuration of a result has it, or
// by the argument that every version takes.
func (run *lmevalRun) model() Model {
	text := func(v foreign) string { s, _ := v.text(); return s }
	m := Model{Revision: text(run.results.get("config", "model_revision")), Digest: text(run.results.get("config", "model_sha"))}
	if name := text(run.results.get("model_name")); name != "" && run.hasArgument(name) {
		m.Name = name
	}
	m.Name = cmp.Or(m.Name, run.argument("peft"), run.argument("delta"), run.argument("pretrained"), run.argument("model"), run.argument("path"), run.argument("engine"))
	m.Revision = cmp.Or(m.Revision, run.argument("revision"))
	return m
}

// argument is one of the model's arguments, which are a text or an object.
func (run *lmevalRun) argument(name string) string {
	args := run.results.get("config", "model_args")
	if s, ok := args.get(name).text(); ok {
		return s
	}
	s, _ := args.text()
	for arg := range strings.SplitSeq(s, ",") {
		if k, v, _ := strings.Cut(arg, "="); k == name {
			return v
		}
	}
	return ""
}
