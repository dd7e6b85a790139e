#!/usr/bin/env bash
# Trains the shipped models, as they were trained: songs, caches, networks, export.
#
#     weights/train.sh FOLDER
#
# Needs the extra [studio] and the Debian packages that `synth --engine studio` names.
# Every step goes on where it was stopped: run the script again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?Usage: weights/train.sh FOLDER}

keras-munet synth "$folder/songs" --engine studio --tracks 192 --test-tracks 16 \
    --seconds 48 --seed 1

keras-munet prepare "$folder/songs" "$folder/cache-2" --frames 128 --channels 2
keras-munet fit "$folder/cache-2" --config "$here/vocals.json" --run "$folder/vocals" \
    --no-tflite

keras-munet prepare "$folder/songs" "$folder/cache-4" --frames 128 --channels 2 \
    --sources vocals,drums,bass,other
keras-munet fit "$folder/cache-4" --config "$here/4stems.json" --run "$folder/4stems" \
    --init "$folder/vocals/model.keras" --no-tflite

python "$here/ship.py" "$folder/vocals" vocals
python "$here/ship.py" "$folder/4stems" 4stems
