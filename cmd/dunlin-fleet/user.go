package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "list who may use the console and the interface",
		Long: `List who may use the console, by password, and the REST interface, by token.

  viewer    looks
  operator  enrols, groups, commands; pauses and aborts assignments
  approver  begins, promotes and resumes assignments
  admin     revokes, backs up, and says who may do what

Each may what those before it may. Who can read the state folder is admin.`,
		Example: `  dunlin-fleet user set alice --role approver
  dunlin-fleet user token grafana --role viewer --life 8760h
  dunlin-fleet user rm alice`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var users []controller.User
			var tokens []controller.APIToken
			if err := c.do(cmd.Context(), "GET", "/users", nil, &users); err != nil {
				return err
			}
			if err := c.do(cmd.Context(), "GET", "/api-tokens", nil, &tokens); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tROLE\tBY\tSIGNS IN WITH")
			for _, u := range users {
				fmt.Fprintf(w, "%s\t%s\t%s\tpassword\n", u.Name, u.Role, u.Author)
			}
			for _, t := range tokens {
				fmt.Fprintf(w, "%s\t%s\t%s\ttoken until %s\n", t.Name, t.Role, t.Author, t.Expires.Format(time.DateOnly))
			}
			return w.Flush()
		},
	}
	remove := &cobra.Command{Use: "rm NAME", Short: "let a person sign in no more, or with --token a token count no more", Args: cobra.ExactArgs(1)}
	token := remove.Flags().Bool("token", false, "NAME is a token's")
	remove.RunE = func(cmd *cobra.Command, a []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		path := "/users/"
		if *token {
			path = "/api-tokens/"
		}
		return c.do(cmd.Context(), "DELETE", path+url.PathEscape(a[0]), nil, &struct{}{})
	}
	cmd.AddCommand(setUserCommand(), userTokenCommand(), remove)
	return cmd
}

func setUserCommand() *cobra.Command {
	role, keep := "viewer", false
	cmd := &cobra.Command{
		Use: "set NAME", Short: "make a person known, or give them another role or password", Args: cobra.ExactArgs(1),
		Long: `Make a person known, or give them another role or password. It is asked for, or
read from the standard input, where that is no terminal. Who was signed in is
signed out.`,
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			body := map[string]any{"role": role}
			if !keep {
				if body["password"], err = readPassword(cmd); err != nil {
					return err
				}
			}
			return c.do(cmd.Context(), "PUT", "/users/"+url.PathEscape(a[0]), body, &struct{}{})
		},
	}
	cmd.Flags().StringVar(&role, "role", role, "viewer, operator, approver or admin")
	cmd.Flags().BoolVar(&keep, "keep-password", false, "change the role alone")
	return cmd
}

// readPassword asks twice at a terminal, without showing it.
func readPassword(cmd *cobra.Command) (string, error) {
	in, isFile := cmd.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(cmd.ErrOrStderr(), what)
		defer fmt.Fprintln(cmd.ErrOrStderr())
		text, err := term.ReadPassword(int(in.Fd()))
		return string(text), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err == nil && again != first {
		err = errors.New("the two are not the same")
	}
	return first, err
}

func userTokenCommand() *cobra.Command {
	role, life := "viewer", 90*24*time.Hour
	cmd := &cobra.Command{
		Use: "token NAME", Short: "give a program a token for the REST interface, shown once", Args: cobra.ExactArgs(1),
		Example: `  TOKEN=$(dunlin-fleet user token grafana)
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8480/api/v1/status`,
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var made controller.APIToken
			if err := c.do(cmd.Context(), "POST", "/api-tokens", map[string]any{"name": a[0], "role": role, "life": life.String()}, &made); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Token)
			return err
		},
	}
	cmd.Flags().StringVar(&role, "role", role, "viewer, operator, approver or admin")
	cmd.Flags().DurationVar(&life, "life", life, "of the token")
	return cmd
}
