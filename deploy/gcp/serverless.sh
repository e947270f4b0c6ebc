#!/bin/sh
# Runs the same image of the API on Cloud Run: nothing runs, and nothing is paid, while nobody asks.
# TLS comes with it, the API's key from Secret Manager. Run push.sh before.
#   PROJECT=my-project deploy/gcp/serverless.sh     DRY_RUN=1 prints the commands instead
set -eu
# shellcheck source=deploy/gcp/settings.sh
. "$(dirname "$0")/settings.sh"

# Anybody may knock, since the API's own key is asked for; --no-allow-unauthenticated would want
# Google accounts in addition.
in_project run deploy "$NAME-api" --region "$REGION" \
    --image "${registry}detectlab-api:$TAG" --port 8000 \
    --service-account "$account" \
    --set-secrets "DETECTLAB_API_KEY=$secret:latest" \
    --set-env-vars "DETECTLAB_MODEL=nano,DETECTLAB_WORKERS=2,DETECTLAB_LOG_JSON=1" \
    --cpu 2 --memory 1Gi --concurrency 16 --timeout 60 \
    --min-instances 0 --max-instances "$MAX_INSTANCES" \
    --execution-environment gen2 --cpu-boost --allow-unauthenticated

cat << END
  address    gcloud run services describe $NAME-api --region $REGION --project $PROJECT --format 'value(status.url)'
  key        gcloud secrets versions access latest --secret $secret --project $PROJECT
  stop it    PROJECT=$PROJECT deploy/gcp/clean_up.sh
END
