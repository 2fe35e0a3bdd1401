package agent

import (
	"context"
	"errors"
	"strings"
	"time"
)

// linkPause is how often it is looked whether NapCat has come back.
const linkPause = 250 * time.Millisecond

// awaitLink waits until an account's NapCat is there: what cannot be sent need not be asked for.
func (a *Agent) awaitLink(ctx context.Context, account string) error {
	for !a.Linked(account) {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context) error {
	t := time.NewTimer(linkPause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// codeAway is the retcode of an action while NapCat is away.
const codeAway = 1503

// notDone reports whether an action has certainly not been done because NapCat was away, so that it may be tried again.
func notDone(err error) bool {
	var refused *ActionError
	return errors.As(err, &refused) && refused.Retcode == codeAway && !strings.HasPrefix(refused.Wording, "uncertain")
}

// fresh takes out the messages that have waited longer than the app's queue may keep them.
func (a *Agent) fresh(batch []*turnItem) []*turnItem {
	_, app := a.settings()
	if app == nil || app.Queue.MaxAge.Message <= 0 {
		return batch
	}
	var out []*turnItem
	for _, item := range batch {
		if a.Now().Sub(item.at) > app.Queue.MaxAge.Message {
			a.Log.Info("a message has become too old for an answer", "app", a.Name, "account", item.account, "chat", item.chat.String())
			continue
		}
		out = append(out, item)
	}
	return out
}
