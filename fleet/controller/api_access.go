package controller

import "net/http"

// accessRoutes say who may use the interface, the broker and the console.
func (c *Controller) accessRoutes() []route {
	return []route{
		{method: "GET", path: "/me", need: Viewer, summary: "who asks, and what they may do", answer: Person{}, do: func(r *http.Request) (any, error) { return who(r), nil }},
		{method: "GET", path: "/users", need: Admin, summary: "who signs in with a password", answer: []User{}, do: func(r *http.Request) (any, error) { return c.Users(r.Context()) }},
		{method: "PUT", path: "/users/{name}", need: Admin, summary: "make a person known, or give them another role or password", body: userRequest{}, do: func(r *http.Request) (any, error) {
			var q userRequest
			if err := readJSON(r, &q); err != nil {
				return nil, err
			}
			return nil, c.SetUser(r.Context(), who(r).Name, r.PathValue("name"), q.Role, q.Password)
		}},
		{method: "DELETE", path: "/users/{name}", need: Admin, summary: "let a person sign in no more", do: func(r *http.Request) (any, error) {
			return nil, c.RemoveUser(r.Context(), who(r).Name, r.PathValue("name"))
		}},
		{method: "GET", path: "/api-tokens", need: Admin, summary: "the programs that use this interface", answer: []APIToken{}, do: func(r *http.Request) (any, error) { return c.APITokens(r.Context()) }},
		{method: "POST", path: "/api-tokens", need: Admin, summary: "give a program a token, which is shown once", body: apiTokenRequest{}, answer: APIToken{}, do: func(r *http.Request) (any, error) {
			var q apiTokenRequest
			if err := readJSON(r, &q); err != nil {
				return nil, err
			}
			life, err := parseLife(q.Life)
			if err != nil {
				return nil, err
			}
			return c.NewAPIToken(r.Context(), who(r).Name, q.Name, q.Role, life)
		}},
		{method: "DELETE", path: "/api-tokens/{name}", need: Admin, summary: "let a token count no more", do: func(r *http.Request) (any, error) {
			return nil, c.RemoveAPIToken(r.Context(), who(r).Name, r.PathValue("name"))
		}},
		{method: "POST", path: "/invitations", need: Admin, summary: "an address of the console that signs one person in as admin, once, within an hour", answer: inviteAnswer{}, do: func(*http.Request) (any, error) {
			return inviteAnswer{"/login?invite=" + c.Invite()}, nil
		}},
		{method: "GET", path: "/clients", need: Viewer, summary: "the programs that have certificates for the broker", answer: []Client{}, do: func(r *http.Request) (any, error) { return c.Clients(r.Context()) }},
		{method: "POST", path: "/clients", need: Admin, summary: "give a program a certificate for the broker", body: clientRequest{}, answer: Client{}, do: func(r *http.Request) (any, error) {
			var q clientRequest
			if err := readJSON(r, &q); err != nil {
				return nil, err
			}
			life, err := parseLife(q.Life)
			if err != nil {
				return nil, err
			}
			return c.NewClient(r.Context(), who(r).Name, q.Role, q.CSR, life)
		}},
		{method: "DELETE", path: "/clients/{name}", need: Admin, summary: "lock a program out of the broker", do: func(r *http.Request) (any, error) {
			return nil, c.RemoveClient(r.Context(), who(r).Name, r.PathValue("name"))
		}},
		{method: "GET", path: "/webhooks", need: Admin, summary: "who is told what happens", answer: []Webhook{}, do: func(r *http.Request) (any, error) { return c.Webhooks(r.Context()) }},
		{method: "PUT", path: "/webhooks/{name}", need: Admin, summary: "tell an address what happens; the secret that signs it is shown once", body: webhookRequest{}, answer: Webhook{}, do: func(r *http.Request) (any, error) {
			var q webhookRequest
			if err := readJSON(r, &q); err != nil {
				return nil, err
			}
			return c.SetWebhook(r.Context(), who(r).Name, r.PathValue("name"), q.URL, q.Actions)
		}},
		{method: "DELETE", path: "/webhooks/{name}", need: Admin, summary: "tell it no more", do: func(r *http.Request) (any, error) {
			return nil, c.RemoveWebhook(r.Context(), who(r).Name, r.PathValue("name"))
		}},
	}
}

type userRequest struct {
	Role     Role   `json:"role"`
	Password string `json:"password,omitempty"` // of 12 to 256 bytes; without one that of before stays
}

type apiTokenRequest struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	Life string `json:"life,omitempty"`
}

type clientRequest struct {
	Role string `json:"role"`
	CSR  string `json:"csr"` // PEM
	Life string `json:"life,omitempty"`
}

type webhookRequest struct {
	URL     string   `json:"url"`
	Actions []string `json:"actions,omitempty"`
}

type inviteAnswer struct {
	Path string `json:"path"`
}
