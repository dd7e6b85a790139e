#!/usr/bin/env bash
# Trains the shipped models, as they were trained: songs, caches, networks, export.
#
#     recipes/train.sh FOLDER
#
# Two networks learn with the paper's L1 loss, the second from the first; from there the
# first learns on with the squared error, which does not leave a quiet source out where
# the network is not sure. Then both learn from other songs, a quarter of them by the
# plain engine, whose voices and instruments are unlike the studio's, and go on from
# half-way between before and after; and so does the first once more, with still other
# songs at other speeds and through equalisers, in bfloat16, which is quick on processors
# that have it (AMX, AVX-512) and very slow on all others. Then the first gets twice the
# filters, and at last learns on a GPU, through JAX, from songs that lie there. (They are
# packed, for a GPU machine that little can be sent to: the packs, this script from the
# line that unpacks them, and `vocals-wide/model.keras` are all that it takes.)
#
# Needs the extra [studio] and the Debian packages that `synth --engine studio` names, and
# the extra [jax], on a GPU with `pip install 'jax[cuda13]'`. Every step goes on where it
# was stopped: run the script again. The songs of seeds 1, 3 and 5 were made before the
# voices of `pico2wave` were among the singers, at commit 8aa316a; from there on they sing
# in them, too. The last step of the shipped `vocals` was another program, of commit
# 754acfe, with the same songs, loss, batches and time; it also had a second voice sing
# along in one of seven examples, left stems out in 8 to 15 of a hundred, and trained both
# networks side by side.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "${1:?Usage: recipes/train.sh FOLDER}" && cd "$1" && pwd)

# cache CACHE SONGS ...: one run of `prepare`
cache() {
    keras-munet prepare "$folder/$2" "$folder/$1" --frames 128 --channels 2 "${@:3}"
}
four=(--sources vocals,drums,bass,other)

# other_songs SONGS PLAIN TRACKS TESTS SEED: by the studio, and 48 by the plain engine
other_songs() {
    keras-munet synth "$folder/$1" --engine studio --tracks "$3" --test-tracks "$4" \
        --seconds 48 --seed "$5"
    keras-munet synth "$folder/$2" --tracks 48 --seconds 48 --seed "$(($5 + 1))"
    ln -sf "$folder/$2"/train/* "$folder/$1/train"
}

# learn CACHE RECIPE RUN ...: one run of `fit`
learn() {
    keras-munet fit "$folder/$1" --config "$here/$2.json" --run "$folder/$3" \
        --no-tflite "${@:4}"
}

keras-munet synth "$folder/songs" --engine studio --tracks 192 --test-tracks 16 \
    --seconds 48 --seed 1
cache cache-2 songs
cache cache-4 songs "${four[@]}"
learn cache-2 vocals vocals-l1
learn cache-4 4stems 4stems-l1 --init "$folder/vocals-l1/model.keras"
learn cache-2 vocals vocals-energy --loss energy --epochs 8 --seed 2 \
    --init "$folder/4stems-l1/model.keras"

other_songs songs-more songs-plain 144 16 3
cache more-2 songs-more
cache more-4 songs-more "${four[@]}"
learn more-2 vocals vocals-more --loss energy --epochs 19 --seed 3 \
    --init "$folder/vocals-energy/model.keras"
learn more-4 4stems 4stems-more --loss energy --epochs 4 --seed 3 \
    --learning-rate 0.0005 --init "$folder/4stems-l1/model.keras"

python "$here/average.py" "$folder/vocals.keras" \
    "$folder/vocals-energy" "$folder/vocals-more"
python "$here/average.py" "$folder/4stems.keras" "$folder/4stems-l1" "$folder/4stems-more"

other_songs songs-new songs-new-plain 192 0 5
cache new-2 songs-new
learn new-2 vocals vocals-varied --loss energy --epochs 12 --seed 5 \
    --learning-rate 0.0004 --precision mixed_bfloat16 --init "$folder/vocals.keras" \
    --augment remix,gain,polarity,channels,speed,equalizer

python "$here/average.py" "$folder/vocals-mean.keras" "$folder/vocals.keras" \
    "$folder/vocals-varied"

python "$here/grow.py" "$folder/grown.keras" "$folder/vocals-mean.keras" \
    --width 16 --depth 5
mkdir -p "$folder"/songs-all/{train,test}
ln -sf "$folder"/songs/train/* "$folder"/songs-new/train/* "$folder/songs-all/train"
cache all-2 songs-all
learn all-2 vocals vocals-wide --width 16 --depth 5 --loss energy --epochs 17 --seed 7 \
    --learning-rate 0.0008 --precision mixed_bfloat16 --init "$folder/grown.keras" \
    --augment remix,gain,polarity,channels,speed,equalizer

keras-munet synth "$folder/songs-singers" --engine studio --tracks 408 --seconds 48 --seed 7
keras-munet synth "$folder/songs-valid" --engine studio --tracks 0 --test-tracks 24 \
    --seconds 48 --seed 8
if [ ! -d "$folder/packs" ]; then
    python "$here/pack.py" "$folder/packs.part/old" "$folder/songs-all" --seconds 26
    python "$here/pack.py" "$folder/packs.part/new" "$folder/songs-singers"
    python "$here/pack.py" "$folder/packs.part/valid" "$folder/songs-valid" \
        --split test --seconds 40
    mv "$folder/packs.part" "$folder/packs"
fi
if [ ! -d "$folder/unpacked" ]; then
    for pack in "$folder"/packs/*.zip; do
        case $pack in */valid-*) split=valid ;; *) split=train ;; esac
        python -m zipfile -e "$pack" "$folder/unpacked.part/$split"
    done
    mv "$folder/unpacked.part" "$folder/unpacked"
fi
cache packed unpacked "${four[@]}" --channels 1 --sample-rate 13600

# on_gpu RUN ...: one run of `fit` from the songs that lie there
on_gpu() {
    KERAS_BACKEND=jax learn packed vocals "$1" --reader device \
        --sources vocals,accompaniment --loss energy --batch-size 32 --seed 1 \
        --minutes 5.9 --epochs 1000 --precision mixed_bfloat16 --no-deterministic \
        --augment remix-most,shift,gain,polarity,silence,speed,equalizer "${@:2}"
}
on_gpu vocals-gpu --width 16 --depth 5 --init "$folder/vocals-wide/model.keras"
on_gpu vocals-gpu-narrow --init "$folder/vocals-mean.keras"

# These networks were trained without a floor, and got one afterwards.
python "$here/floor.py" "$folder/vocals-gpu/model.keras" "$folder/vocals-floor.keras"
python "$here/floor.py" "$folder/4stems.keras" "$folder/4stems-floor.keras"

python "$here/ship.py" "$folder/vocals-floor.keras" vocals
python "$here/ship.py" "$folder/4stems-floor.keras" 4stems
