"""The layouts of GLUE's official files."""

# task, split, file below the task's folder, its lines, (guid, text_a, text_b, label) of its first example
LAYOUTS = [
    (
        "MRPC",
        "train",
        "train.tsv",
        ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", '1\t70\t71\tHe said " yes\t" No , " he said'],
        ("train-1", 'He said " yes', '" No , " he said', 1),
    ),
    (
        "MRPC",
        "test",
        "test.tsv",
        ["index\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t70\t71\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "CoLA",
        "train",
        "train.tsv",
        ["gj04\t0\t*\tThe sailors rode."],
        ("train-0", "The sailors rode.", None, 0),
    ),
    ("CoLA", "dev", "dev.tsv", ["gj04\t1\t\tThe sailors rode."], ("dev-0", "The sailors rode.", None, 1)),
    ("CoLA", "test", "test.tsv", ["index\tsentence", "0\tBill ran."], ("test-1", "Bill ran.", None, None)),
    ("SST-2", "dev", "dev.tsv", ["sentence\tlabel", "a charm . \t1"], ("dev-1", "a charm . ", None, 1)),
    ("SST-2", "test", "test.tsv", ["index\tsentence", "0\ta charm ."], ("test-1", "a charm .", None, None)),
    (
        "QQP",
        "train",
        "train.tsv",
        ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "133273\t1\t2\tHow ?\tWhy ?\t0"],
        ("train-1", "How ?", "Why ?", 0),
    ),
    ("QQP", "test", "test.tsv", ["id\tquestion1\tquestion2", "0\tA ?\tB ?"], ("test-1", "A ?", "B ?", None)),
    (
        "QNLI",
        "dev",
        "dev.tsv",
        ["index\tquestion\tsentence\tlabel", "0\tWhat ?\tThis .\tentailment"],
        ("dev-1", "What ?", "This .", 0),
    ),
    (
        "RTE",
        "train",
        "train.tsv",
        ["index\tsentence1\tsentence2\tlabel", "0\tone\ttwo\tnot_entailment"],
        ("train-1", "one", "two", 1),
    ),
    (
        "RTE",
        "test",
        "test.tsv",
        ["index\tsentence1\tsentence2", "0\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "WNLI",
        "dev",
        "dev.tsv",
        ["index\tsentence1\tsentence2\tlabel", "0\tone\ttwo\t1"],
        ("dev-1", "one", "two", 1),
    ),
    (
        "STS-B",
        "train",
        "train.tsv",
        [
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
            "0\tcaptions\tMSRvid\t2012\t0001\tnone\tnone\tone\ttwo\t3.800",
        ],
        ("train-1", "one", "two", 3.8),
    ),
    (
        "STS-B",
        "test",
        "test.tsv",
        [
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2",
            "0\tcaptions\tMSRvid\t2012\t0001\tnone\tnone\tone\ttwo",
        ],
        ("test-1", "one", "two", None),
    ),
    (
        "MNLI",
        "train",
        "train.tsv",
        [
            "index\tpromptID\tpairID\tgenre\ts1_bp\ts2_bp\ts1_p\ts2_p\tsentence1\tsentence2\tlabel1\tgold_label",
            "0\t1\t1n\tfiction\t(\t(\t(\t(\tone\ttwo\tneutral\tcontradiction",
        ],
        ("train-1", "one", "two", 0),
    ),
    (
        "MNLI",
        "dev",
        "dev_matched.tsv",
        [
            "\t".join(f"column{n}" for n in range(16)),
            "0\t1\t1n\tf\t(\t(\t(\t(\tone\ttwo\ta\ta\ta\ta\ta\tneutral",
        ],
        ("dev-1", "one", "two", 2),
    ),
    (
        "MNLI-mm",
        "test",
        "test_mismatched.tsv",
        ["\t".join(f"column{n}" for n in range(10)), "0\t1\t1n\tfiction\t(\t(\t(\t(\tone\ttwo"],
        ("test-1", "one", "two", None),
    ),
    (
        "XNLI",
        "train",
        "multinli/multinli.train.zh.tsv",
        ["premise\thypo\tlabel", "一\t二\tcontradictory"],
        ("train-1", "一", "二", 0),
    ),
    (
        "XNLI",
        "dev",
        "xnli.dev.tsv",
        [
            "\t".join(f"column{n}" for n in range(19)),
            "ar\tneutral\t\t\t\t\twahid\tithnan\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
            "zh\tentailment\t\t\t\t\t一\t二\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
        ],
        ("dev-2", "一", "二", 1),
    ),
    (
        "XNLI",
        "test",
        "xnli.test.tsv",
        [
            "\t".join(f"column{n}" for n in range(19)),
            "zh\tentailment\t\t\t\t\t一\t二\t1\t2\tf\ta\ta\ta\ta\ta\tt\tt\tTrue",
        ],
        ("test-1", "一", "二", None),
    ),
]


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
