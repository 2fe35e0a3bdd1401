package endpoint

import "strings"

// OpenClaw's gateway (2026.9) differs from a model's server in this:
//
//   - Behind it an agent works, with tools of its own. While these run nothing comes, not even a comment, so silence is no
//     sign of trouble: only Config.Total bounds an answer.
//   - max_tokens would bound every step of that agent, its thinking and its calls included, and break them off in the
//     middle. The agent's own settings have the right number, so none is sent.
//   - A key of a session chooses the agent as well, and wins over the agent that the model names.

// sessionKey is the session's key at the gateway, within the agent that the model names: a bare key would be one of the
// default agent's, which may have tools that the named one was denied.
func sessionKey(model, session string) string {
	model = strings.ToLower(strings.TrimSpace(model))
	if model == "openclaw/default" {
		return session
	}
	for _, prefix := range []string{"openclaw/", "openclaw:", "agent:"} {
		if id, ok := strings.CutPrefix(model, prefix); ok && id != "" {
			return "agent:" + id + ":" + session
		}
	}
	return session
}
