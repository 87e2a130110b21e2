"""A small SSD for 128x128 images: ResNet-18 of 16 base channels, SSDNeck, four levels of strides 8 to 64.

Trains in a few minutes on one CPU core. Anchors, classes and data come from experiments.yaml.
"""

custom_imports = dict(imports=["anchorprune.detectors.mmdet.parts"], allow_failed_imports=False)
default_scope = "mmdet"
input_size = 128
mean = [123.675, 116.28, 103.53]

model = dict(
    type="SingleStageDetector",
    data_preprocessor=dict(
        type="DetDataPreprocessor", mean=mean, std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=1
    ),
    backbone=dict(
        type="ResNet",
        depth=18,
        base_channels=16,
        num_stages=4,
        strides=(1, 2, 1, 2),  # the third stage stays at stride 8: small objects get its deeper features
        out_indices=(2, 3),
        norm_cfg=dict(type="BN", requires_grad=True),
        norm_eval=False,
        init_cfg=dict(type="Kaiming", layer="Conv2d"),
    ),
    neck=dict(
        type="SSDNeck",
        in_channels=(64, 128),
        out_channels=(64, 128, 128, 128),
        level_strides=(2, 2),
        level_paddings=(1, 1),
        l2_norm_scale=None,
        norm_cfg=dict(type="BN"),
    ),
    bbox_head=dict(
        type="PrunableSSDHead",
        in_channels=(64, 128, 128, 128),
        num_classes=1,
        anchor_generator=dict(type="ExplicitAnchorGenerator", strides=[8, 16, 32, 64], anchors=[[], [], [], []]),
        bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_means=[0.0, 0.0, 0.0, 0.0], target_stds=[0.1, 0.1, 0.2, 0.2]),
    ),
    train_cfg=dict(
        assigner=dict(
            type="MaxIoUAssigner",
            pos_iou_thr=0.5,
            neg_iou_thr=0.5,
            min_pos_iou=0.0,
            ignore_iof_thr=-1,
            gt_max_assign_all=False,
        ),
        sampler=dict(type="PseudoSampler"),
        smoothl1_beta=1.0,
        allowed_border=-1,
        pos_weight=-1,
        neg_pos_ratio=3,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=1000,
        nms=dict(type="nms", iou_threshold=0.45),
        min_bbox_size=0,
        score_thr=0.02,
        max_per_img=100,
    ),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomCrop", crop_type="relative_range", crop_size=(0.7, 0.7)),
    dict(type="Resize", scale=(input_size, input_size), keep_ratio=False),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(input_size, input_size), keep_ratio=False),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
train_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(pipeline=test_pipeline))

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=9)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1.5e-3, weight_decay=1e-2),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=9, T_max=8, eta_min=2e-5, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
