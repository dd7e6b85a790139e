#!/usr/bin/env bash
# Trains the shipped models, as they were trained: songs, caches, networks, export.
#
#     weights/train.sh FOLDER
#
# Two networks learn with the paper's L1 loss, the second from the first; from there the
# first learns on with the squared error, which does not leave a quiet source out where
# the network is not sure. Needs the extra [studio] and the Debian packages that
# `synth --engine studio` names. Every step goes on where it was stopped: run the script
# again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?Usage: weights/train.sh FOLDER}

keras-munet synth "$folder/songs" --engine studio --tracks 192 --test-tracks 16 \
    --seconds 48 --seed 1
keras-munet prepare "$folder/songs" "$folder/cache-2" --frames 128 --channels 2
keras-munet prepare "$folder/songs" "$folder/cache-4" --frames 128 --channels 2 \
    --sources vocals,drums,bass,other

keras-munet fit "$folder/cache-2" --config "$here/vocals.json" \
    --run "$folder/vocals-l1" --no-tflite
keras-munet fit "$folder/cache-4" --config "$here/4stems.json" \
    --run "$folder/4stems" --no-tflite --init "$folder/vocals-l1/model.keras"
keras-munet fit "$folder/cache-2" --config "$here/vocals.json" \
    --loss energy --epochs 8 --seed 2 \
    --run "$folder/vocals" --no-tflite --init "$folder/4stems/model.keras"

python "$here/ship.py" "$folder/vocals" vocals
python "$here/ship.py" "$folder/4stems" 4stems
