#!/bin/sh
# Makes a virtual machine that runs compose.yaml behind nginx: TLS at port 443, the API at /serve/
# for those who have the key, the companion at / for those who have the password. Run push.sh before.
#   PROJECT=my-project deploy/gcp/vm.sh             DRY_RUN=1 prints the commands instead
set -eu
# shellcheck source=deploy/gcp/settings.sh
. "$(dirname "$0")/settings.sh"

user_data=$(mktemp)
trap 'rm -f "$user_data"' EXIT

encoded() {
    base64 < "$1" | tr -d '\n'
}
sed -e "s|@COMPOSE@|$(encoded "$root/compose.yaml")|" \
    -e "s|@PROXY_COMPOSE@|$(encoded "$root/deploy/proxy/compose.yaml")|" \
    -e "s|@PROXY_CONF@|$(encoded "$root/deploy/proxy/detectlab.conf.template")|" \
    -e "s|@CERTIFICATES@|$(encoded "$root/deploy/proxy/make_certificates.sh")|" \
    -e "s|@REGISTRY@|$registry|g" -e "s|@TAG@|$TAG|g" -e "s|@PROJECT@|$PROJECT|g" \
    -e "s|@SECRET@|$secret|g" -e "s|@DOMAIN@|$DOMAIN|g" \
    "$root/deploy/gcp/cloud-init.yaml" > "$user_data"
if [ -n "${KEEP_USER_DATA:-}" ]; then cp "$user_data" "$KEEP_USER_DATA"; fi

# A network of its own: the default one lets the whole world knock at SSH and RDP.
exists compute networks describe "$NAME" ||
    in_project compute networks create "$NAME" --subnet-mode auto
exists compute firewall-rules describe "$NAME-web" ||
    in_project compute firewall-rules create "$NAME-web" --network "$NAME" --direction INGRESS \
        --allow tcp:80,tcp:443 --source-ranges "$CALLERS" --target-tags "$NAME"
# SSH through Google's proxy alone, for whom the project lets in.
exists compute firewall-rules describe "$NAME-ssh" ||
    in_project compute firewall-rules create "$NAME-ssh" --network "$NAME" --direction INGRESS \
        --allow tcp:22 --source-ranges 35.235.240.0/20 --target-tags "$NAME"
exists compute addresses describe "$NAME" --region "$REGION" ||
    in_project compute addresses create "$NAME" --region "$REGION"

exists compute instances describe "$NAME" --zone "$ZONE" ||
    in_project compute instances create "$NAME" --zone "$ZONE" --machine-type "$MACHINE" \
        --network "$NAME" --address "$NAME" --tags "$NAME" \
        --image-family ubuntu-2404-lts-amd64 --image-project ubuntu-os-cloud \
        --boot-disk-size "${DISK_GB}GB" --boot-disk-type pd-balanced \
        --service-account "$account" --scopes cloud-platform \
        --shielded-secure-boot --shielded-vtpm --shielded-integrity-monitoring \
        --metadata enable-oslogin=TRUE --metadata-from-file "user-data=$user_data"

cat << END
The machine needs some minutes for its first start. Then:
  address    gcloud compute addresses describe $NAME --region $REGION --project $PROJECT --format 'value(address)'
  key        gcloud secrets versions access latest --secret $secret --project $PROJECT
  password   gcloud compute ssh $NAME --zone $ZONE --project $PROJECT --tunnel-through-iap --command 'sudo cat /opt/detectlab/companion-password'
  log        gcloud compute ssh $NAME --zone $ZONE --project $PROJECT --tunnel-through-iap --command 'sudo tail /var/log/cloud-init-output.log'
  stop it    PROJECT=$PROJECT deploy/gcp/clean_up.sh
END
