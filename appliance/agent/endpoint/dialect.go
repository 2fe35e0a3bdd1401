package endpoint

import (
	"slices"
	"strings"
	"time"
)

// knowledge is a dialect, and when its refusals were heard.
type knowledge struct {
	dialect
	toolsAt, imagesAt time.Time
}

// dialect is what is known of a model's server.
func (c *Client) dialect(model string) dialect {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.learned[model]
	now := c.cfg.Now()
	// Somebody may have started the server anew, with a template for tools or an eye for pictures.
	k.noTools = k.noTools && now.Sub(k.toolsAt) < forgetAfter
	k.noImages = k.noImages && now.Sub(k.imagesAt) < forgetAfter
	k.noMaxTokens = k.noMaxTokens || c.cfg.Backend == OpenClaw // see openclaw.go
	return k.dialect
}

// learn keeps a lesson; false when nothing was new, so that asking again is no use.
func (c *Client) learn(model string, teach func(*dialect)) bool {
	before := c.dialect(model)
	after := before
	if teach(&after); after == before {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := knowledge{dialect: after}
	if now := c.cfg.Now(); after.noTools || after.noImages {
		old := c.learned[model]
		k.toolsAt, k.imagesAt = old.toolsAt, old.imagesAt
		if after.noTools && !before.noTools {
			k.toolsAt = now
		}
		if after.noImages && !before.noImages {
			k.imagesAt = now
		}
	}
	c.learned[model] = k
	return true
}

// TakesImages is false while the first model's server is known to refuse
// pictures: they need not even be fetched. The knowledge is 10 minutes old at most.
func (c *Client) TakesImages() bool { return !c.dialect(c.cfg.Model).noImages }

// lesson reads out of a refusal, in lower case, what to do differently; nil = nothing.
func lesson(said string, d dialect, req *Request) func(*dialect) {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
	}
	switch {
	case has("stream_options", "include_usage") && !d.noUsage:
		return func(d *dialect) { d.noUsage = true }
	case req.MaxTokens > 0 && has("max_completion_tokens") && !d.completionTokens && !d.noMaxTokens && has("max_tokens"):
		// "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
		return func(d *dialect) { d.completionTokens = true }
	case req.MaxTokens > 0 && !d.noMaxTokens && has("max_tokens", "max_completion_tokens") && has("unsupported", "unrecognized", "unknown", "not supported", "extra inputs", "not permitted", "unexpected"):
		return func(d *dialect) { d.noMaxTokens = true }
	case req.hasImages() && !d.noImages && has("image", "vision", "multimodal", "multi-modal", "mmproj"):
		// llama.cpp: "image input is not supported"; DeepSeek: "unknown variant `image_url`, expected `text`".
		return func(d *dialect) { d.noImages = true }
	case len(req.Tools) > 0 && !d.noTools && has("tool", "function call", "schema for function", "--jinja") && has("support", "require", "enable", "invalid", "unknown", "unrecognized", "unexpected", "not allowed", "not permitted", "extra inputs"):
		// Ollama: "does not support tools"; llama.cpp: "tools param requires --jinja flag"; vLLM: "--enable-auto-tool-choice".
		return func(d *dialect) { d.noTools = true }
	}
	return nil
}

// brokenCall tells that the server gave up on what the model wrote as a tool
// call: Groq's tool_use_failed, llama.cpp's parser, Ollama's.
func brokenCall(said string) bool {
	for _, words := range []string{"tool_use_failed", "failed to call a function", "failed to parse input", "error parsing tool call", "failed to parse tool call"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}
