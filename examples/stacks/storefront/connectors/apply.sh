#!/bin/bash
# Fill in every *.template.json from the environment and give it to Connect; a connector that is there already is left as it is.
set -euo pipefail
for template in "$(dirname "$0")"/*.template.json; do
  status=$(envsubst <"$template" |
    curl -sS -o /tmp/answer -w '%{http_code}' -X POST -H 'Content-Type: application/json' --data-binary @- "$CONNECT_URL/connectors")
  case $status in
    201) echo "created: $(basename "$template")" ;;
    409) echo "there already: $(basename "$template")" ;;
    *) echo "Connect answered $status to $(basename "$template"):" >&2; cat /tmp/answer >&2; exit 1 ;;
  esac
done
