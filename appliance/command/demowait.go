package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/simulator"
)

// answered waits for the echo app's answer to arrive in QQ; group 0 = private.
func (d *demo) answered(ctx context.Context, group uint64, text string) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	_, err := d.nap.WaitSent(ctx, func(sent simulator.Sent) bool { return sent.Group == group && sent.Text == text })
	if err != nil {
		return fmt.Errorf("the bot did not answer %q", text)
	}
	d.line(d.words.BotSays, text)
	return nil
}

// told waits for a message to the stranger.
func (d *demo) told(ctx context.Context, match func(string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	sent, err := d.nap.WaitSent(ctx, func(sent simulator.Sent) bool {
		return sent.User == demoStranger && sent.Group == 0 && match(sent.Text)
	})
	if err != nil {
		return errors.New("the stranger was not told")
	}
	d.line(d.words.Told, demoStranger, "")
	for _, line := range lines(sent.Text) {
		d.say("     " + d.paint.faint(line))
	}
	return nil
}

// decided waits until the newest decision of a chat is the expected one; reason "" means any.
func (d *demo) decided(ctx context.Context, chat, outcome, reason string) error {
	var last console.Decision
	err := d.patiently(ctx, func(ctx context.Context) error {
		return poll(ctx, func() (bool, error) {
			var list []console.Decision
			if err := d.api.get(ctx, "explain", url.Values{"chat": {chat}, "last": {"500"}}, &list); err != nil {
				return false, err
			}
			for _, last = range list {
				if last.Outcome == outcome && (reason == "" || last.Reason == reason) {
					return true, nil
				}
			}
			return false, nil
		})
	})
	if err != nil {
		return fmt.Errorf("%s was to be %q (%s) but was %q (%s)", chat, outcome, reason, last.Outcome, last.Reason)
	}
	return nil
}

// request waits for the stranger's pairing request.
func (d *demo) request(ctx context.Context) (found console.PairingEntry, err error) {
	err = d.patiently(ctx, func(ctx context.Context) error {
		return poll(ctx, func() (bool, error) {
			var list []console.PairingEntry
			if err := d.api.get(ctx, "pairing", nil, &list); err != nil {
				return false, err
			}
			for _, found = range list {
				if found.UserID == demoStranger && found.State == "pending" {
					return true, nil
				}
			}
			return false, nil
		})
	})
	if err != nil {
		return found, errors.New("no pairing request appeared")
	}
	return found, nil
}

func (d *demo) appConnected(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		var status console.Status
		if err := d.api.get(ctx, "status", nil, &status); err != nil {
			return false, err
		}
		for _, app := range status.Apps {
			if app.Connected {
				return true, nil
			}
		}
		return false, nil
	})
}

func (d *demo) patiently(ctx context.Context, wait func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	return wait(ctx)
}

// poll asks until ok, an error, or the end of ctx.
func poll(ctx context.Context, ok func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
