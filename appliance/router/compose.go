package router

import (
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// composeRules is what the configuration says about messages that an app sends.
func composeRules(app config.App, language string) onebot.ComposeRules {
	return onebot.ComposeRules{
		App:            app.Name,
		RefuseMarkdown: app.Markdown == "refuse",
		AsText:         app.Unsupported == "text",
		Chinese:        policy.Lang(language) == policy.Chinese,
	}
}

// compose makes the message of an order what NapCat takes; nil is the owner, who has the defaults. The error says what
// cannot be sent.
func (l *Lane) compose(app *appPlan, o *order) error {
	if o.effect != policy.EffectSend {
		return nil
	}
	var rules onebot.ComposeRules
	if app != nil {
		rules = app.compose
	}
	if a := l.account.Load(); a != nil {
		st := a.State()
		rules.Self, rules.Nickname = st.Self, st.Nickname
	}
	if account := l.router.plan.Load().accounts[l.name]; account != nil {
		rules.MaxBytes = account.mediaMax
	}
	params, err := onebot.Compose(o.base, o.params, &rules)
	if err != nil {
		return err
	}
	o.params = params
	return nil
}

// inForm gives the messages in an answer the form that the app asked for. The caller owns the bytes.
func (a *appPlan) inForm(base string, answer []byte) []byte {
	if out, err := onebot.ReformatAnswer(base, answer, a.format); err == nil {
		return out
	}
	return answer // NapCat's own words are better than none
}
