#!/usr/bin/env bash
# Trains the shipped models, as they were trained: songs, caches, networks, export.
#
#     weights/train.sh FOLDER
#
# Two networks learn with the paper's L1 loss, the second from the first; from there the
# first learns on with the squared error, which does not leave a quiet source out where
# the network is not sure. Then both learn from other songs, a quarter of them by the
# plain engine, whose voices and instruments are unlike the studio's, and go on from
# half-way between before and after; and so does the first once more, with still other
# songs at other speeds and through equalisers, in bfloat16, which is quick on processors
# that have it (AMX, AVX-512) and very slow on all others. Needs the extra [studio] and the
# Debian packages that `synth --engine studio` names. Every step goes on where it was
# stopped: run the script again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "${1:?Usage: weights/train.sh FOLDER}" && cd "$1" && pwd)

# caches NAME SONGS: one for two sources, one for four
caches() {
    keras-munet prepare "$folder/$2" "$folder/$1-2" --frames 128 --channels 2
    keras-munet prepare "$folder/$2" "$folder/$1-4" --frames 128 --channels 2 \
        --sources vocals,drums,bass,other
}

# learn CACHE RECIPE RUN ...: one run of `fit`
learn() {
    keras-munet fit "$folder/$1" --config "$here/$2.json" --run "$folder/$3" \
        --no-tflite "${@:4}"
}

keras-munet synth "$folder/songs" --engine studio --tracks 192 --test-tracks 16 \
    --seconds 48 --seed 1
caches cache songs
learn cache-2 vocals vocals-l1
learn cache-4 4stems 4stems-l1 --init "$folder/vocals-l1/model.keras"
learn cache-2 vocals vocals-energy --loss energy --epochs 8 --seed 2 \
    --init "$folder/4stems-l1/model.keras"

keras-munet synth "$folder/songs-more" --engine studio --tracks 144 --test-tracks 16 \
    --seconds 48 --seed 3
keras-munet synth "$folder/songs-plain" --tracks 48 --seconds 48 --seed 4
ln -sf "$folder"/songs-plain/train/* "$folder/songs-more/train"
caches more songs-more
learn more-2 vocals vocals-more --loss energy --epochs 19 --seed 3 \
    --init "$folder/vocals-energy/model.keras"
learn more-4 4stems 4stems-more --loss energy --epochs 4 --seed 3 \
    --learning-rate 0.0005 --init "$folder/4stems-l1/model.keras"

python "$here/average.py" "$folder/vocals.keras" \
    "$folder/vocals-energy" "$folder/vocals-more"
python "$here/average.py" "$folder/4stems.keras" "$folder/4stems-l1" "$folder/4stems-more"

keras-munet synth "$folder/songs-new" --engine studio --tracks 192 --test-tracks 0 \
    --seconds 48 --seed 5
keras-munet synth "$folder/songs-new-plain" --tracks 48 --seconds 48 --seed 6
ln -sf "$folder"/songs-new-plain/train/* "$folder/songs-new/train"
keras-munet prepare "$folder/songs-new" "$folder/new-2" --frames 128 --channels 2
learn new-2 vocals vocals-varied --loss energy --epochs 12 --seed 5 \
    --learning-rate 0.0004 --precision mixed_bfloat16 --init "$folder/vocals.keras" \
    --augment remix,gain,polarity,channels,speed,equalizer

python "$here/average.py" "$folder/vocals-mean.keras" "$folder/vocals.keras" \
    "$folder/vocals-varied"
python "$here/ship.py" "$folder/vocals-mean.keras" vocals
python "$here/ship.py" "$folder/4stems.keras" 4stems
