package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/catflap/catflap/appliance/config/json5"
	"go.yaml.in/yaml/v3"
)

// ImportOpenClaw turns the channels.napcatqq part of an openclaw.json (JSON5) into a file of catflap's. Nothing that
// the file says is guessed at: keys that catflap does not have are left out and reported, values that Parse would
// refuse are kept and reported, with their places in the input. A missing token is made fresh and reported.
// References to the environment stay references.
func ImportOpenClaw(data []byte) ([]byte, []Issue, error) {
	const file = "openclaw.json"
	value, err := json5.Parse(data)
	if err != nil {
		var syntax *json5.SyntaxError
		d := newDecoder(file, data, nil)
		if errors.As(err, &syntax) {
			d.failAt(place{syntax.Line, syntax.Column}, "", "%s", syntax.Message)
			return nil, nil, &Errors{Issues: d.sorted(d.issues)}
		}
		return nil, nil, fmt.Errorf("reading %s: %w", file, err)
	}
	channel := value.Get("channels").Get("napcatqq")
	if channel == nil || channel.Kind != json5.Object {
		return nil, nil, fmt.Errorf("%s has no channels.napcatqq: give the whole file of an OpenClaw that serves QQ", file)
	}

	// The decoder finds what is wrong. The environment is taken as set: it is another process's.
	d := newDecoder(file, data, func(string) (string, bool) { return "1", true })
	d.dir = "."
	checked := fromValue(channel)
	d.spans = findSecrets(checked, false, nil)
	d.prepare(checked, "", 0)
	c := &Config{Path: file}
	d.config(checked, c)

	out := fromValue(channel)
	prune(out, rootFields())
	fresh := 0
	for i := range c.Accounts {
		if c.Accounts[i].AccessToken == "" && !c.Accounts[i].AllowNoToken && !slices.Contains(mappingKeys(out), "accessTokenFile") {
			fresh++
		}
	}
	issues := d.issues
	if fresh > 0 {
		issues = withoutTokenIssues(issues)
		freshTokens(out)
		issues = append(issues, d.issue(place{channel.Line, channel.Column}, "accessToken",
			"there was no token, so a fresh one was written: put it into NapCat as well (`catflap napcat config`)"))
	}
	style(out)
	issues = append(issues, d.warnings...)
	const head = "# 由 openclaw.json 导入 / imported from openclaw.json\n\n"
	return append([]byte(head), render(out)...), d.sorted(issues), nil
}

// freshTokens writes a token where there is an empty one, and one for all at the top if somebody has none of their own.
func freshTokens(channel *yaml.Node) {
	common, lacking := fillToken(channel), false
	if accounts := member(channel, "accounts"); accounts != nil && accounts.Kind == yaml.MappingNode {
		for i := 1; i < len(accounts.Content); i += 2 {
			lacking = !fillToken(accounts.Content[i]) || lacking
		}
	} else {
		lacking = true
	}
	if !common && lacking {
		put(channel, "accessToken", textNode(NewToken(), "!!str"))
	}
}

// fillToken replaces an empty token and reports whether there is one.
func fillToken(n *yaml.Node) bool {
	token := member(n, "accessToken")
	if token == nil {
		return false
	}
	if token.Kind == yaml.ScalarNode && (token.Value == "" || token.Tag == "!!null") {
		*token = *textNode(NewToken(), "!!str")
	}
	return true
}

// member is what a mapping has under a key; nil for none.
func member(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	if i := slices.Index(mappingKeys(mapping), key); i >= 0 {
		return mapping.Content[2*i+1]
	}
	return nil
}

// withoutTokenIssues drops the complaints that a fresh token answers.
func withoutTokenIssues(issues []Issue) []Issue {
	var kept []Issue
	for _, i := range issues {
		if len(i.Message) < len(tokenRequired) || i.Message[:len(tokenRequired)] != tokenRequired {
			kept = append(kept, i)
		}
	}
	return kept
}

func mappingKeys(n *yaml.Node) []string {
	var keys []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}

// prune removes the keys that fields does not know, at all depths.
func prune(n *yaml.Node, fields []field) {
	if n.Kind != yaml.MappingNode {
		return
	}
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, _ := lookup(fields, key.Value)
		if f == nil {
			continue
		}
		switch {
		case f.codec.keyed != "":
			for j := 1; j < len(value.Content) && value.Kind == yaml.MappingNode; j += 2 {
				prune(value.Content[j], f.codec.fields())
			}
		case f.codec.fields != nil:
			prune(value, f.codec.fields())
		}
		kept = append(kept, key, value)
	}
	n.Content = kept
}

// style makes a tree that came from JSON look like the other files.
func style(n *yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		n.Style = 0
		if n.Tag == "!!str" && needsQuotes(n.Value) {
			n.Style = yaml.DoubleQuotedStyle
		}
	case yaml.SequenceNode:
		n.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		style(child)
	}
}
