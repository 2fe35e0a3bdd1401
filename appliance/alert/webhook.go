package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// sendWebhook sends the alert in the form that the address describes.
func sendWebhook(ctx context.Context, t *address.Target, m Message) error {
	w := t.Webhook
	header := w.Header
	if w.ContentType != "" {
		header = header.Clone()
		header.Set("Content-Type", w.ContentType)
	}
	contentType, body := "application/json; charset=utf-8", []byte(nil)
	switch {
	case w.Method == http.MethodGet:
		contentType = "text/plain; charset=utf-8"
	case w.Text:
		contentType, body = "text/plain; charset=utf-8", []byte(m.Title+"\n"+m.Body)
	default:
		var err error
		if body, err = json.Marshal(shape(w, m)); err != nil {
			return err
		}
	}
	u := w.URL
	answer, err := request(ctx, t, w.Method, u.String(), header, contentType, body)
	if err != nil {
		return err
	}
	return judged(t, answer)
}

// shape is the JSON of a webhook.
func shape(w address.WebhookTarget, m Message) map[string]any {
	out := make(map[string]any)
	if !w.Shaped {
		out["event"], out["subject"], out["state"] = string(m.Event), m.Subject, string(m.State)
		out["urgent"], out["time"] = m.Urgent, m.At.Format(time.RFC3339)
	}
	for k, v := range w.Fields {
		place(out, k, v)
	}
	text := m.Body
	if w.TitleKey == "" {
		text = m.Title + "\n" + m.Body
	} else {
		place(out, w.TitleKey, m.Title)
	}
	place(out, w.MessageKey, text)
	return out
}

// place sets a.b.c in nested objects. What stands in the way gives way.
func place(into map[string]any, path, value string) {
	const deepest = 8
	parts := strings.SplitN(path, ".", deepest)
	for _, p := range parts[:len(parts)-1] {
		next, ok := into[p].(map[string]any)
		if !ok {
			next = make(map[string]any)
			into[p] = next
		}
		into = next
	}
	into[parts[len(parts)-1]] = value
}

// judged reads an answer of 200 that tells of a failure in its body, as WeCom, DingTalk (errcode) and Feishu, Bark, ServerChan
// (code) do. A code of 0 or 200 is a success.
func judged(t *address.Target, answer []byte) error {
	var said struct {
		ErrCode *int64 `json:"errcode"`
		Code    *int64 `json:"code"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return nil
	}
	for _, code := range []*int64{said.ErrCode, said.Code} {
		if code != nil && *code != 0 && *code != 200 {
			return &SendError{Final: true, text: fmt.Sprintf("%s answered code %d: %s", t.Host, *code, reason(answer))}
		}
	}
	return nil
}
