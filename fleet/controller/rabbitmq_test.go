//go:build external

package controller

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rabbitProgram is the server itself; the one on the PATH wants Debian's user.
const rabbitProgram = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// rabbitConf has TLS with our certificates and nothing else listening.
const rabbitConf = `listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.1 = %[1]s
ssl_options.cacertfile = %[2]s/ca.pem
ssl_options.certfile = %[2]s/cert.pem
ssl_options.keyfile = %[2]s/key.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_cert_login_from = common_name
mqtt.ssl_cert_login = true
mqtt.allow_anonymous = false
mqtt.retained_message_store = rabbit_mqtt_retained_msg_store_ets
load_definitions = %[2]s/definitions.json
`

// rabbitDefinitions let the controller read and write everything and each
// device its own topics.
func rabbitDefinitions(devices int) ([]byte, error) {
	type object = map[string]any
	users, may, topics := []object{}, []object{}, []object{}
	add := func(name, write, read string) {
		users = append(users, object{"name": name, "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""})
		may = append(may, object{"user": name, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"})
		topics = append(topics, object{"user": name, "vhost": "/", "exchange": "amq.topic", "write": write, "read": read})
	}
	add("controller", ".*", ".*")
	for i := range devices {
		add(fmt.Sprintf("d-%02d", i), `^dunlin\.v1\.{username}\.(hello|reported|status|up|res)$`, `^dunlin\.v1\.{username}\.(desired|ack|cmd)$`)
	}
	return json.Marshal(object{"users": users, "vhosts": []object{{"name": "/"}}, "permissions": may, "topic_permissions": topics})
}

// rabbitmq runs Debian's RabbitMQ, whose data is erased at each start.
func rabbitmq(y *yard, address string) *brokerProcess {
	if _, err := os.Stat(rabbitProgram); err != nil {
		y.t.Fatal("install rabbitmq-server: ", err)
	}
	dir := y.t.TempDir()
	y.certificates(dir)
	definitions, err := rabbitDefinitions(yardDevices)
	y.must(err)
	for name, text := range map[string]string{"rabbitmq.conf": fmt.Sprintf(rabbitConf, address, dir), "definitions.json": string(definitions), "enabled_plugins": "[rabbitmq_mqtt].\n"} {
		y.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	_, epmd, _ := strings.Cut(freeAddress(y.t), ":")
	_, dist, _ := strings.Cut(freeAddress(y.t), ":")
	env := append(os.Environ(), "RABBITMQ_NODENAME=yard@localhost", "RABBITMQ_CONFIG_FILE="+dir+"/rabbitmq", "RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/enabled_plugins",
		"RABBITMQ_MNESIA_BASE="+dir+"/data", "RABBITMQ_LOG_BASE="+dir+"/log", "RABBITMQ_PID_FILE="+dir+"/pid", "RABBITMQ_DIST_PORT="+dist, "ERL_EPMD_PORT="+epmd, "ERL_EPMD_ADDRESS=127.0.0.1", "HOME="+dir)
	names := exec.Command("epmd", "-port", epmd, "-address", "127.0.0.1") // or the server leaves one behind
	y.must(names.Start())
	y.t.Cleanup(func() { _ = names.Process.Kill(); _ = names.Wait() })
	return &brokerProcess{t: y.t, start: func() *exec.Cmd {
		y.must(os.RemoveAll(dir + "/data"))
		cmd := exec.Command(rabbitProgram)
		cmd.Env, cmd.Dir, cmd.Stderr = env, dir, y.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return cmd
	}}
}

// TestReplicasRabbitMQ is TestReplicasMosquitto with another broker.
func TestReplicasRabbitMQ(t *testing.T) {
	length, restarts := 10*time.Second, 2
	if os.Getenv("DUNLIN_LONG") != "" {
		length, restarts = time.Minute, 20
	}
	y := newYard(t, rabbitmq)
	y.run(killLeader, zombie, brokers(restarts), cutPostgres(length), killLeader)
}
