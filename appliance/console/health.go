package console

import "net/http"

// healthz says that requests are answered, and nothing else: anybody may ask.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) error {
	writeText(w, http.StatusOK, "ok\n")
	return nil
}

// readyz says whether NapCat is linked for at least one account.
func (a *API) readyz(w http.ResponseWriter, _ *http.Request) error {
	if a.Status != nil {
		for _, account := range a.Status().Accounts {
			if account.Connected {
				writeText(w, http.StatusOK, "ready\n")
				return nil
			}
		}
	}
	writeText(w, http.StatusServiceUnavailable, "no account is linked\n")
	return nil
}

func (a *API) metrics(w http.ResponseWriter, _ *http.Request) error {
	if a.Metrics == nil {
		return notRunning()
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(a.Metrics())
	return nil
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
