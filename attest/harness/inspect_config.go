package harness

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Members of Inspect's generation settings that are about something else than
// sampling. Some may hold secrets (extra_headers), and none of those is read.
var (
	inspectReasoning = []string{"reasoning_effort", "reasoning_mode", "reasoning_tokens", "reasoning_summary", "reasoning_history", "effort"}
	inspectRetry     = []string{"max_retries", "timeout", "attempt_timeout", "fallback_models", "fail_on_refusal"}
	inspectSampling  = []string{
		"temperature", "top_p", "top_k", "max_tokens", "stop_seqs", "best_of", "num_choices", "seed",
		"frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "verbosity",
		"parallel_tool_calls", "max_tool_output", "response_schema", "modalities",
	}
	inspectLimits = []string{"message_limit", "token_limit", "token_limit_type", "turn_limit", "time_limit", "working_limit", "cost_limit"}
)

// config collects what the log says of the run's configuration, under the names
// that the configuration has for it.
func (run *inspectRun) config(log *Log) (map[string]json.RawMessage, error) {
	// What the evaluation asks for goes before what the model was made with.
	generation := fields(run.eval.get("model_generate_config"))
	for name, v := range fields(run.file.header["plan"].get("config")) {
		if !v.isNull() {
			generation[name] = v
		}
	}
	pick := func(from map[string]foreign, names []string) object {
		o := object{}
		for _, name := range names {
			o.put(name, from[name])
		}
		return o
	}
	settings := fields(run.eval.get("config"))
	task := fields(run.eval)

	harness := object{}
	harness.putText("name", Inspect)
	harness.putText("version", log.Version)

	sampling := object{}
	sampling.putObject("generation", pick(generation, inspectSampling))
	sampling.put("epochs", settings["epochs"])
	sampling.putObject("limits", pick(settings, inspectLimits))

	retry := pick(generation, inspectRetry)
	retry.put("retry_on_error", settings["retry_on_error"])
	retry.put("fail_on_error", settings["fail_on_error"])

	prompt := object{}
	prompt.put("task", task["task"])
	prompt.put("taskVersion", task["task_version"])
	prompt.put("arguments", notEmpty(task["task_args"]))
	prompt.put("steps", run.steps())
	revision := task["revision"]
	prompt.put("commit", revision.get("commit"))
	prompt.put("dirty", revision.get("dirty"))

	grader := object{}
	grader.putText("name", run.score.scorer)
	grader.putText("metric", run.score.label())
	grader.putText("reducer", run.score.reducer)
	grader.put("options", notEmpty(run.scorer().get("options")))

	config := object{}
	for name, o := range map[string]object{
		"harness": harness, "sampling": sampling, "retry": retry, "promptTemplate": prompt, "grader": grader,
		"reasoningBudget": pick(generation, inspectReasoning), "judge": run.judge(),
		"engine": run.engine(), "variant": run.variant(),
	} {
		config.putObject(name, o)
	}
	for _, name := range []string{"dtype", "quantization"} {
		config.put(name, task["model_args"].get(name))
	}
	if text, _ := generation["system_message"].text(); text != "" {
		o := object{}
		o.putText("sha256", digest(text))
		o.putText("text", text)
		config.putObject("systemPrompt", o)
	}
	for name, v := range config {
		var err error
		if config[name], err = attest.Canonicalize(v); err != nil {
			return nil, fmt.Errorf("configuration %s: %w", name, err)
		}
	}
	return config, nil
}

// putObject writes the members as they are, since what Python wrote may be more
// than JSON; Canonicalize refuses it later, by its name.
func (o object) putObject(name string, inner object) {
	if len(inner) == 0 {
		return
	}
	var out []byte
	for _, member := range slices.Sorted(maps.Keys(inner)) {
		out = fmt.Appendf(out, ",%q:%s", member, inner[member])
	}
	out[0] = '{'
	o[name] = append(out, '}')
}

// notEmpty is v, or nil if there is nothing in it.
func notEmpty(v foreign) foreign {
	if v.isObject() && len(v.members()) == 0 || v.isArray() && len(v.elements()) == 0 {
		return nil
	}
	return v
}

// steps are the solvers and what they were given.
func (run *inspectRun) steps() foreign {
	var out []byte
	for _, step := range run.file.header["plan"].get("steps").elements() {
		o := object{}
		o.put("solver", step.get("solver"))
		o.put("params", notEmpty(step.get("params")))
		all := object{}
		all.putObject("step", o)
		if v := all["step"]; v != nil {
			out = append(append(out, ','), v...)
		}
	}
	if out == nil {
		return nil
	}
	out[0] = '['
	return append(out, ']')
}

// scorer is what the head of the log says of the scorer, nil if nothing.
func (run *inspectRun) scorer() foreign {
	for _, s := range run.eval.get("scorers").elements() {
		if name, _ := s.get("name").text(); name == run.score.scorer {
			return s
		}
	}
	return nil
}

// judge is the model with the role of a grader. Its arguments may hold secrets.
func (run *inspectRun) judge() object {
	o := object{}
	role := run.eval.get("model_roles", "grader")
	o.put("model", role.get("model"))
	o.put("generation", notEmpty(role.get("config")))
	if model, _ := run.scorer().get("options", "model").text(); len(o) == 0 {
		o.putText("model", model)
	}
	return o
}

// engine is the provider that Inspect asked.
func (run *inspectRun) engine() object {
	model, _ := run.eval.get("model").text()
	o := object{}
	if provider, _, ok := strings.Cut(model, "/"); ok {
		o.putText("name", provider)
	}
	return o
}

// variant is the model by the name that it was asked under.
func (run *inspectRun) variant() object {
	model, _ := run.eval.get("model").text()
	o := object{}
	o.putText("name", model)
	if model != "" {
		o.put("revision", run.eval.get("model_args", "revision"))
	}
	return o
}
