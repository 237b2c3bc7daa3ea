"""Vocabulary: common names of conditions that MeSH calls otherwise.

The headings are those of the Medical Subject Headings of the US National Library of Medicine, which are public:
https://www.nlm.nih.gov/mesh/. One is here only where its words do not show what people call the thing.
"""

from __future__ import annotations

from functools import cache

from weftline.documents.names import canonical, forms

# code and not a data file, so that a change of it is seen as a change of what uses it
NAMES = {
    "Alcoholism": "alcohol use disorder|alcohol dependence|AUD",
    "Amblyopia": "lazy eye",
    "Amyotrophic Lateral Sclerosis": "ALS|Lou Gehrig disease",
    "Anemia, Sickle Cell": "sickle cell disease",
    "Arthritis, Rheumatoid": "RA",
    "Attention Deficit Disorder with Hyperactivity": "ADHD|attention deficit hyperactivity disorder",
    "Autism Spectrum Disorder": "ASD|autism",
    "Bipolar Disorder": "manic depression",
    "Carcinoma, Hepatocellular": "HCC",
    "Carcinoma, Non-Small-Cell Lung": "NSCLC",
    "Carcinoma, Renal Cell": "RCC",
    "Cardiovascular Diseases": "CVD",
    "Colorectal Neoplasms": "CRC|bowel cancer",
    "COVID-19": "SARS-CoV-2 infection|coronavirus disease 2019",
    "Depression, Postpartum": "postnatal depression|post-partum depression",
    "Depressive Disorder, Major": "MDD|major depression",
    "Dermatitis, Atopic": "atopic eczema",
    "Diabetes Mellitus": "diabetes",
    "Diabetes Mellitus, Type 1": "T1DM|T1D|type 1 diabetes|juvenile diabetes",
    "Diabetes Mellitus, Type 2": "T2DM|T2D|type 2 diabetes|type2 diabetes|adult-onset diabetes",
    "Dry Eye Syndromes": "dry eye disease|dry eye",
    "Gastroesophageal Reflux": "GERD|GORD|acid reflux",
    "Glioblastoma": "GBM",
    "Graft vs Host Disease": "GVHD|graft versus host disease",
    "Heart Failure": "cardiac failure|congestive heart failure",
    "HIV Infections": "HIV|human immunodeficiency virus infection",
    "Hypercholesterolemia": "high cholesterol",
    "Hypertension": "high blood pressure",
    "Inflammatory Bowel Diseases": "IBD",
    "Influenza, Human": "flu|influenza",
    "Intervertebral Disc Displacement": (
        "herniated disc|slipped disc|prolapsed disc|intervertebral disc herniation|intervertebral disc prolapse"
    ),
    "Irritable Bowel Syndrome": "IBS",
    "Kidney Failure, Chronic": "ESRD|end-stage renal disease|end-stage kidney disease",
    "Leukemia, Lymphocytic, Chronic, B-Cell": "CLL|chronic lymphocytic leukemia|chronic lymphoid leukemia",
    "Leukemia, Myelogenous, Chronic, BCR-ABL Positive": "CML|chronic myeloid leukemia|chronic myelogenous leukemia",
    "Leukemia, Myeloid, Acute": "AML|acute myelogenous leukemia",
    "Low Back Pain": "LBP|lumbago",
    "Lupus Erythematosus, Systemic": "SLE|lupus",
    "Lymphoma, Non-Hodgkin": "NHL",
    "Macular Degeneration": "AMD|age-related macular degeneration",
    "Migraine Disorders": "migraine",
    "Multiple Sclerosis": "MS",
    "Myocardial Infarction": "heart attack",
    "Myelodysplastic Syndromes": "MDS",
    "Non-alcoholic Fatty Liver Disease": "NAFLD|MASLD|NASH|nonalcoholic steatohepatitis",
    "Opioid-Related Disorders": "OUD|opioid use disorder|opioid addiction",
    "Osteoarthritis": "degenerative joint disease",
    "Parkinson Disease": "PD",
    "Polycystic Ovary Syndrome": "PCOS",
    "Precursor Cell Lymphoblastic Leukemia-Lymphoma": (
        "acute lymphoblastic leukemia|acute lymphocytic leukemia|acute lymphoid leukemia"
    ),
    "Prediabetic State": "prediabetes",
    "Prostatic Neoplasms": "prostate cancer",
    "Pruritus": "itching",
    "Pulmonary Disease, Chronic Obstructive": "COPD",
    "Renal Insufficiency, Chronic": "CKD|chronic kidney disease|chronic renal failure",
    "Respiratory Syncytial Virus Infections": "RSV",
    "Sleep Apnea, Obstructive": "OSA",
    "Sleep Initiation and Maintenance Disorders": "insomnia",
    "Small Cell Lung Carcinoma": "SCLC",
    "Stress Disorders, Post-Traumatic": "PTSD|posttraumatic stress disorder",
    "Stroke": "cerebrovascular accident",
    "Substance-Related Disorders": "SUD|substance use disorder|drug addiction|drug dependence",
    "Telangiectasia, Hereditary Hemorrhagic": "HHT|Osler-Weber-Rendu disease|Osler-Rendu-Weber disease",
    "Tobacco Use Disorder": "nicotine dependence|nicotine addiction|tobacco dependence",
    "Tuberculosis": "TB",
    "Urticaria": "hives",
    "Uterine Cervical Neoplasms": "cervical cancer",
}


def common_names(condition: str) -> tuple[str, ...]:
    """The heading and the other names of a condition, when it is in the vocabulary under any of them.

    >>> common_names("Heart attack")
    ('Myocardial Infarction', 'heart attack')
    """
    return _by_form().get(canonical(condition), ())


@cache
def _by_form() -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for heading, others in NAMES.items():
        names = (heading, *others.split("|"))
        for form in {form for name in names for form in forms(name)}:
            known[form] = tuple(dict.fromkeys((*known.get(form, ()), *names)))
    return known
