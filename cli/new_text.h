// SPDX-License-Identifier: Apache-2.0
//
// What `troupe new` writes.
#ifndef CLI_NEW_TEXT_H
#define CLI_NEW_TEXT_H

// A format: the agent's name.
static const char new_text_agent_head[] =
  "# The agent %s, in a file of its own. Below it stands how to reach the mesh, as in that one's own file.\n";

// A format: the agent's name, its model, its name again.
static const char new_text_agent[] =
  "\n"
  "agents:\n"
  "  %s:\n"
  "    model: %s\n"
  "    description: Says what it can be asked for, to people and to other agents.\n"
  "    prompt: |\n"
  "      You are %s. Answer in one or two sentences.\n";

// `@` stands for the agent's name.
static const char new_text_compose[] =
  "# The agent @, as a service that joins the running mesh; nothing else is restarted:\n"
  "#\n"
  "#   docker compose -f compose.yaml -f @.compose.yaml up -d @\n"
  "#\n"
  "# `docker compose ... stop @` drains it. To keep it out for good, take agent-@.pub from the brokers' keys:\n"
  "#\n"
  "#   docker compose -f compose.yaml -f @.compose.yaml run --rm @-key rm /keys/brokers/agent-@.pub\n"
  "services:\n"
  "  @-key: # makes its key, once\n"
  "    image: ${TROUPE_IMAGE:-troupe}\n"
  "    command: [/usr/share/troupe/make-keys]\n"
  "    environment: { TROUPE_CONFIG: /etc/troupe/@.yaml }\n"
  "    user: root # a new volume is root's; make-keys gives it away\n"
  "    cap_add: [CHOWN, DAC_OVERRIDE]\n"
  "    restart: \"no\"\n"
  "    read_only: true\n"
  "    tmpfs: [/tmp]\n"
  "    cap_drop: [ALL]\n"
  "    security_opt: [no-new-privileges]\n"
  "    network_mode: none\n"
  "    volumes:\n"
  "      - ./@.yaml:/etc/troupe/@.yaml:ro\n"
  "      - all-keys:/keys/all\n"
  "      - broker-keys:/keys/brokers\n"
  "      - @-keys:/keys/agent-@\n"
  "\n"
  "  @:\n"
  "    image: ${TROUPE_IMAGE:-troupe}\n"
  "    command: [troupe-agent, --name, @]\n"
  "    environment: { TROUPE_CONFIG: /etc/troupe/@.yaml }\n"
  "    depends_on:\n"
  "      @-key: { condition: service_completed_successfully }\n"
  "    restart: unless-stopped\n"
  "    read_only: true\n"
  "    tmpfs: [/tmp, \"/run/troupe:mode=1777\"]\n"
  "    cap_drop: [ALL]\n"
  "    security_opt: [no-new-privileges]\n"
  "    networks: [mesh]\n"
  "    stop_grace_period: 2m\n"
  "    healthcheck:\n"
  "      test: [CMD, troupe, probe]\n"
  "      interval: 5s\n"
  "      timeout: 3s\n"
  "      retries: 3\n"
  "      start_period: 30s\n"
  "    deploy:\n"
  "      resources:\n"
  "        limits: { memory: 256M }\n"
  "    volumes:\n"
  "      - ./@.yaml:/etc/troupe/@.yaml:ro\n"
  "      - @-keys:/keys:ro\n"
  "\n"
  "volumes:\n"
  "  @-keys:\n";

#endif
